"""Settings of a small run: the model from random weights, which trains in seconds."""

from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from terna.settings import Settings, compose, load


def small(overrides: Iterable[str] = ()) -> list[str]:
    """The overrides on experiment=scratch, or on the experiment that they name."""
    words = list(overrides)
    return words if any(word.startswith("experiment=") for word in words) else ["experiment=scratch", *words]


def small_by_default(project: Path) -> None:
    """Let a copy of conf/ compose experiment=scratch where no experiment is named."""
    path = project / "conf" / "config.yaml"
    path.write_text(path.read_text().replace("experiment: sample ", "experiment: scratch "))


def compose_once(root: Path, overrides: Iterable[str] = ()) -> Settings:
    """The settings that root/conf/, which no test edits, gives with overrides; composed once for all tests."""
    return load(plain_once(root, overrides))


def plain_once(root: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """They as nested mappings, not checked: a copy, which may be edited."""
    return deepcopy(_composed(root, tuple(overrides)))


@cache
def _composed(root: Path, overrides: tuple[str, ...]) -> dict[str, Any]:
    return compose(root / "conf", list(overrides))
