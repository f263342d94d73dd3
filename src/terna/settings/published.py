"""Settings as they may be shown to anyone: without the folders of one's own machine."""

import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from terna.settings.schema import Settings

# the fields that a path may stand in
PATHS = ("addresses", "backbone", "checkpoint", "teacher", "encoder", "systems")


def published(settings: Settings) -> Settings:
    """The settings with each path as `named` says; records of the files state their digests."""
    found: Settings = _shown(settings, False)
    return found


def named(where: str) -> str:
    """A path out of the project as its last part, an absolute one into it from the root; anything else as it is.

    The project is the working folder.
    """
    if where.startswith(("http://", "https://", "pkg:")):
        return where
    root = Path.cwd()
    whole = Path(os.path.normpath(root / where))
    if not whole.is_relative_to(root):
        return whole.name
    return whole.relative_to(root).as_posix() if Path(where).is_absolute() else where


def _shown(value: Any, is_path: bool) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        every = {field.name: _shown(getattr(value, field.name), field.name in PATHS) for field in fields(value)}
        return replace(value, **every)
    if isinstance(value, dict):
        return {key: _shown(inner, is_path) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, is_path) for inner in value]
    return named(value) if is_path and isinstance(value, str) else value
