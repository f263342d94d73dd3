"""A folder that a command writes: whole, and never in place of one that is there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terna.errors import ModelError


@contextmanager
def created(folder: Path) -> Iterator[Path]:
    """A path beside `folder` for a folder that becomes it if the block succeeds; ModelError where one is there."""
    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # another command may write to the same place
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        yield beside
        check_free(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_free(folder: Path) -> None:
    """Raise ModelError where something has the folder's name, and where a parent is no folder."""
    if folder.exists():
        raise ModelError(f"{folder}: already exists; remove it, or give another --out")
    check_parents(folder)


def check_parents(folder: Path) -> None:
    """Raise ModelError where a folder cannot be made, because what it would lie in is a file."""
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise ModelError(f"--out {folder}: {parent} is not a folder; give another place")
