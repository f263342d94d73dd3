"""A folder that a command writes: whole, and never in place of one that is there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terna.errors import ModelError


@contextmanager
def created(folder: Path) -> Iterator[Path]:
    """A path beside `folder` for a folder that becomes it if the block succeeds; ModelError where one is there."""
    if folder.exists():
        raise ModelError(f"{folder}: is there already; remove it, or give another --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        yield beside
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
