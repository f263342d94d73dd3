"""What came → the file that was asked for, in its place, or an error that says what it is instead."""

import codecs
import os
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from terna.errors import DataError, DownloadError
from terna.records import sha256_of

PIECE = 1 << 16
# marks of byte order and white space, which may stand before a page
BLANK = codecs.BOM_UTF8 + codecs.BOM_UTF16_LE + string.whitespace.encode()
# how a page begins, with or without a declaration or a comment before it; no table, JSON or archive begins so
PAGE = re.compile(rb"<[a-z!?]", re.I)


@dataclass(frozen=True)
class Wanted:
    """What makes bytes the file that was asked for."""

    accepted: Sequence[str]
    """Digests that pass."""
    exact: bool
    """False: other bytes pass too, but no HTML page and no empty file."""
    check: Callable[[Path], None] | None
    """Raises DataError for a file that is of no use."""


def verified(path: Path, place: str, wanted: Wanted, *, called_page: bool = False) -> str:
    """The sha256 of the file at `path`, which came from `place`; DownloadError if it is not the wanted one.

    called_page: whether the server said that it is an HTML page.
    """
    found = sha256_of(path)
    if found not in wanted.accepted:
        _refuse(path, place, found, wanted, called_page)
    if wanted.check is not None:
        try:
            wanted.check(path)
        except DataError as error:
            raise DownloadError(f"{place}: {str(error).removeprefix(f'{path}: ')}") from error
    return found


def _refuse(path: Path, place: str, found: str, wanted: Wanted, called_page: bool) -> None:
    start = opening(path)
    expected = f"sha256 {' or '.join(wanted.accepted)}" if wanted.accepted else "the file"
    if called_page or PAGE.match(start):
        lost = "the server may have lost it" + ("" if wanted.exact else "; if this is the file, declare its sha256")
        raise DownloadError(f"{place}: received an HTML page, not the file; expected {expected}; {lost}")
    if wanted.exact:
        other = f"{path.stat().st_size} bytes of a damaged or other file"
        remedy = "" if place.startswith(("http://", "https://")) else "; if you edited it, declare its new sha256"
        raise DownloadError(f"{place}: {other}, sha256 {found}, expected {expected.removeprefix('sha256 ')}{remedy}")
    if not start:
        raise DownloadError(
            f"{place}: received an empty file ({path.stat().st_size} bytes, no text); expected {expected}"
        )


def opening(path: Path) -> bytes:
    """How a file begins after its blanks; UTF-16 and UTF-32 without their zeros. Empty for a file of blanks alone."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            if start := piece.translate(None, b"\0").lstrip(BLANK):
                return start + file.read(4).translate(None, b"\0")
    return b""


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
