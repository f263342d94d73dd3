"""What came → the file that was asked for, in its place, or an error that says what it is instead."""

import codecs
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from terna.errors import DataError, DownloadError
from terna.records import sha256_of

# how a page begins, after an XML declaration and comments; no table, no JSON and no archive begins so
HTML = re.compile(
    rb"\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|title|meta|script)\b", re.I | re.S
)


@dataclass(frozen=True)
class Wanted:
    """What makes bytes the file that was asked for."""

    accepted: Sequence[str]
    """Digests that pass."""
    exact: bool
    """False: other bytes pass too, but no HTML page."""
    check: Callable[[Path], None] | None
    """Raises DataError for a file that is of no use."""


def verified(path: Path, place: str, wanted: Wanted) -> str:
    """The sha256 of the file at `path`, which came from `place`; DownloadError if it is not the wanted one."""
    found = sha256_of(path)
    if found not in wanted.accepted:
        _refuse(path, place, found, wanted)
    if wanted.check is not None:
        try:
            wanted.check(path)
        except DataError as error:
            raise DownloadError(f"{place}: {str(error).removeprefix(f'{path}: ')}") from error
    return found


def _refuse(path: Path, place: str, found: str, wanted: Wanted) -> None:
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(codecs.BOM_UTF8)
    expected = f"sha256 {' or '.join(wanted.accepted)}" if wanted.accepted else "the file"
    if HTML.match(head):
        raise DownloadError(
            f"{place}: an HTML page came, not the file; expected {expected}; the server may have lost it"
        )
    if wanted.exact:
        other = f"{path.stat().st_size} bytes of a damaged or other file"
        raise DownloadError(f"{place}: {other}, sha256 {found}, expected {expected.removeprefix('sha256 ')}")


def settle(beside: Path, target: Path) -> None:
    """Rename `beside` onto `target`, in such an order that a power cut leaves the old file or the whole new one."""
    _sync(beside, os.O_RDWR)
    beside.replace(target)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _sync(target.parent, os.O_RDONLY)


def _sync(path: Path, mode: int) -> None:
    opened = os.open(path, mode)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
