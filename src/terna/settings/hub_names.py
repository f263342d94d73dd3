"""Whether a setting names a repository of the hub or a path: a path that is not there is never asked of the hub."""

import os
import re
from pathlib import Path

# `owner/name`, or a bare name, as the hub's first models have (`bert-base-uncased`)
HUB_NAME = re.compile(r"(?P<first>\w[\w.-]*)(/\w[\w.-]*)?")
# where the stages and commands write: a path of the project, whether or not it was written
OUTPUTS = (
    "checkpoints",
    "data",
    "dataset",
    "dvc_plots",
    "logs",
    "metrics",
    "models",
    "mteb_results",
    "multirun",
    "outputs",
    "plots",
    "predictions",
    "release",
    "reports",
    "search",
    "seeds",
    "site",
    "soups",
    "wandb",
)
# what messages add to the form of a hub name
OWNER = "where no folder here is called owner"


def is_hub_name(name: str, root: Path = Path()) -> bool:
    """Whether `name` is a repository's on the hub; False for a path, whether it is there or not.

    A path is anything but `owner/name` or `name`, and what begins with something in `root` or with a folder of outputs.
    """
    match = HUB_NAME.fullmatch(name)
    return match is not None and match["first"] not in OUTPUTS and not os.path.lexists(root / match["first"])
