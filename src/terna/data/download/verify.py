"""What came → the file that was asked for, in its place, or an error that says what it is instead."""

import codecs
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from terna.errors import DataError, DownloadError
from terna.records import sha256_of

HEAD = 1 << 16
# what may stand before a page; each step is taken once, so that the time grows with the length and no faster
SKIPPED = re.compile(rb"\s+|<\?xml[^>]*>|<!--.*?-->", re.I | re.S)
# how a page begins; no table, no JSON and no archive begins so
PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|title|meta|script)\b", re.I)


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
        head = file.read(HEAD).removeprefix(codecs.BOM_UTF8)
    expected = f"sha256 {' or '.join(wanted.accepted)}" if wanted.accepted else "the file"
    if is_page(head):
        raise DownloadError(
            f"{place}: an HTML page came, not the file; expected {expected}; the server may have lost it"
        )
    if wanted.exact:
        other = f"{path.stat().st_size} bytes of a damaged or other file"
        raise DownloadError(f"{place}: {other}, sha256 {found}, expected {expected.removeprefix('sha256 ')}")


def is_page(head: bytes) -> bool:
    """Whether a file that begins with `head` is an HTML page, after an XML declaration and comments."""
    at = 0
    while step := SKIPPED.match(head, at):
        at = step.end()
    return PAGE.match(head, at) is not None


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
