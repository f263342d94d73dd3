"""What DVC loads before `dvc exp run` composes conf/ into params.yaml (`plugins_path` in .dvc/config).

DVC composes in a process of its own, and writes down what came of each interpolation. So conf/ is checked here, and a
resolver in `-S` says no: what it would read must not stand in a file that is committed.
"""

from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from terna.errors import SettingsError
from terna.settings import check_folder

RESOLVERS = ("oc.create", "oc.decode", "oc.deprecated", "oc.dict.values", "oc.env", "oc.select")


class Checked(SearchPathPlugin):
    """Check the folder that is composed, and take the resolvers away."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for place in search_path.get_path():
            if place.provider == "main":
                check_folder(Path(place.path.removeprefix("file://")))
        for name in RESOLVERS:
            OmegaConf.register_new_resolver(name, _refused(name), replace=True)


def _refused(name: str) -> Any:
    def refuse(*_: Any, _node_: Any) -> None:  # OmegaConf gives the value's place under this name
        reason = f"${{{name}:…}} is a resolver; write the value, or another setting's key, as in ${{seed}}"
        raise SettingsError([f"{_node_._get_full_key(None)}: {reason}"])

    return refuse
