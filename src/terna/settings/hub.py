"""The hub: what is a name on it and what a path, how long it is waited for, and what its client raises."""

import os
import re
from pathlib import Path

# `owner/name`, or a bare name, as the hub's first models have (`bert-base-uncased`)
HUB_NAME = re.compile(r"(?P<first>\w[\w.-]*)(/\w[\w.-]*)?")
# where the stages and commands write: a path of the project, whether or not it was written
OUTPUTS = (
    "board",
    "checkpoints",
    "data",
    "dataset",
    "dvc_plots",
    "logs",
    "metrics",
    "model.sig",
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
    "space",
    "wandb",
)
# seconds to wait for the hub's first answer; HF_HUB_ETAG_TIMEOUT can make them fewer
PATIENCE = 8.0
# what messages add to the form of a hub name
OWNER = "where no folder here is called owner"


def is_hub_name(name: str, root: Path = Path()) -> bool:
    """Whether `name` is a repository's on the hub; False for a path, whether it is there or not.

    A path is anything but `owner/name` or `name`, and what begins with something in `root` or with a folder of outputs:
    one that is not there is never asked of the hub.
    """
    match = HUB_NAME.fullmatch(name)
    return match is not None and match["first"] not in OUTPUTS and not os.path.lexists(root / match["first"])


def patience() -> float:
    """Seconds to wait for the hub's first answer, for which its own clients wait without end."""
    # not at the top: huggingface_hub reads its environment as it is imported, and a stage sets that up only then
    from huggingface_hub import constants

    return min(PATIENCE, constants.HF_HUB_ETAG_TIMEOUT)


def hub_errors() -> tuple[type[Exception], ...]:
    """What huggingface_hub raises where it has not what was asked for, or cannot be asked."""
    from huggingface_hub.errors import HfHubHTTPError

    # the client's own library is another in each of its versions
    return (HfHubHTTPError.__bases__[0], OSError, ValueError, RuntimeError)
