"""What DVC loads before `dvc exp run` composes conf/ into params.yaml (`plugins_path` in .dvc/config).

DVC composes in a process of its own, and writes down what came of each interpolation. So conf/ is checked here, and a
resolver in `-S` says no: what it would read must not stand in a file that is committed.
"""

from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import Node
from omegaconf.basecontainer import BaseContainer

from terna.errors import SettingsError
from terna.settings import check_folder

# reads nothing but the settings: conf/config.yaml names the corpora with it
ALLOWED = ("oc.dict.keys",)


class Resolvers(dict[str, Any]):
    """OmegaConf's resolvers by name, of which those that are not allowed say no, whoever registers them and when.

    Hydra registers `now` and others after its plugins have run, so that they cannot be replaced one by one.
    """

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        return found if name in ALLOWED else _refused(name)


class Checked(SearchPathPlugin):
    """Check the folder that is composed, and take the resolvers away."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for place in search_path.get_path():
            if place.provider == "main":
                check_folder(Path(place.path.removeprefix("file://")))
        BaseContainer._resolvers = Resolvers(BaseContainer._resolvers)


def _refused(name: str) -> Any:
    def refuse(root: Any, parent: Any, node: Node, *_: Any) -> None:  # what OmegaConf gives a resolver
        reason = f"${{{name}:…}} is a resolver; write the value, or another setting's key, as in ${{seed}}"
        raise SettingsError([f"{node._get_full_key(None)}: {reason}"])

    return refuse
