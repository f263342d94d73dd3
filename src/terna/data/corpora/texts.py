"""Raw files as lines of text: plain, or members of a zip archive read in place by base name."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from terna.errors import DataError
from terna.sentences import required
from terna.settings import Corpus, File

# the largest member that is read from an archive
MEMBER_LIMIT = 1 << 30
# how many times its packed size a large member may have: JSON lines reach ten to fifty, a bomb a thousand
RATIO_LIMIT = 250
LARGE = 16 << 20
# methods that unpack no more at a time than is asked for; the others' streams can grow without bound in memory
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
PIECE = 1 << 20
# what a damaged archive raises, and (RuntimeError) one that is encrypted or packed by an unknown method
UNREADABLE = (OSError, EOFError, RuntimeError, UnicodeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Text:
    """One text to read: how errors call it, its base name, and its lines without their ends."""

    label: str
    base: str
    lines: Iterator[str]


def check_file(file: File, path: Path) -> None:
    """Read each member of an archive that the declaration names through, a piece at a time; nothing is kept or written.

    Raises DataError for an archive that is broken, that lacks a member or has two of a name, or with a member that is
    not what was packed or would unpack beyond the limits. A declaration without members passes.
    """
    for member in file.members:
        with _readable(path), _opened(path, member) as packed:
            while packed.read(PIECE):
                pass


def texts(corpus: Corpus, folder: Path) -> Iterator[Text]:
    """Each text of a corpus whose files lie in `folder`, in order, to be read before the next is asked for.

    Raises DataError for a file that is missing, an archive that is broken or lacks a member, and, as its lines are
    read, for bytes that are not UTF-8 or not those that were packed.
    """
    for declared in corpus.files:
        path = folder / declared.name
        for member in declared.members or (None,):
            label = f"{path}:{member}" if member else str(path)
            with _opened(path, member) as file:
                yield Text(label, member or path.name, _lines(file, path, label))


def _lines(file: io.BufferedIOBase, path: Path, label: str) -> Iterator[str]:
    """Only a line feed ends a line: str.splitlines would also cut at U+2028 and its like, inside a sentence."""
    with _readable(path):
        for number, raw in enumerate(file, start=1):
            yield required(raw, number, label).rstrip("\r\n")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name the file when it cannot be read: on opening, and later, for a member is checked as it is unpacked."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; fetch it (dvc repro)") from error
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be read ({error}); delete it and fetch it again") from error


@contextmanager
def _opened(path: Path, member: str | None) -> Iterator[io.BufferedIOBase]:
    with _readable(path):
        if member is None:
            with path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(path) as archive, archive.open(_find(archive, member, path)) as inner:
                yield io.BufferedReader(inner)  # type: ignore[type-var]  # ZipExtFile is a BufferedIOBase


def _find(archive: zipfile.ZipFile, member: str, path: Path) -> zipfile.ZipInfo:
    """The one member with this base name: folders differ between mirrors, and __MACOSX holds no data."""
    found = [
        info
        for info in archive.infolist()
        if info.filename.rsplit("/", 1)[-1] == member and "__MACOSX" not in info.filename
    ]
    if len(found) != 1:
        raise DataError(f"{path}: {len(found)} members are called {member}, expected one")
    _bounded(found[0], member, path)
    return found[0]


def _bounded(info: zipfile.ZipInfo, member: str, path: Path) -> None:
    """What the header says is enough: no more is unpacked than it says, and less or more fails the checksum."""
    size, packed = info.file_size, info.compress_size
    if size > MEMBER_LIMIT:
        raise DataError(f"{path}: {member} would unpack to {size} bytes; the limit is {MEMBER_LIMIT}")
    if size > max(LARGE, RATIO_LIMIT * packed):
        raise DataError(f"{path}: {member} would unpack from {packed} to {size} bytes; the limit is {RATIO_LIMIT}-fold")
    if info.compress_type not in METHODS:
        raise DataError(f"{path}: {member} is packed by method {info.compress_type}; pack it again by deflate")
