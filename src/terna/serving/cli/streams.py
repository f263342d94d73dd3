"""Standard input and output, and `--out`: what cannot be read or written is a DataError that names it."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from terna.errors import DataError
from terna.records import replacing
from terna.running.streams import cut_off
from terna.serving.cli.lines import STDIN


def prepare() -> None:
    """Let standard output be UTF-8, whatever the locale, and standard error be there."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a path that is no UTF-8 is printed as the bytes that it has
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def tell(message: str) -> None:
    """A line on standard error; where that takes none, nobody is there to be told."""
    with suppress(OSError):
        print(message, file=sys.stderr)


def standard_input() -> BinaryIO:
    """The bytes that come in; DataError where standard input is closed."""
    if sys.stdin is None:
        raise DataError(f"{STDIN} is closed; give lines on it")
    return sys.stdin.buffer


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output, flushed at the end; DataError where it takes no more, BrokenPipeError where nobody reads it."""
    if sys.stdout is None:
        raise DataError("standard output is closed; redirect it to a file")
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # a file of the model
            raise
        fault = cut_off(error, sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise fault from error


@contextmanager
def written(out: Path) -> Iterator[BinaryIO]:
    """A file that becomes `out` if the block succeeds; DataError where it cannot be written."""
    try:
        # another encode may write to the same place
        with replacing(out, f".{os.getpid()}") as beside, beside.open("wb") as file:
            yield file
    except OSError as error:
        if error.filename is not None and Path(error.filename).parent not in (out.parent, *out.parent.parents):
            raise  # a file of the model
        raise DataError(f"--out {out}: {error.strerror}; nothing was written. Give another place") from error


def check_out(out: Path) -> None:
    """DataError for a path that cannot become a file: told before the work."""
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if out.is_dir():
        raise DataError(f"--out {out}: a folder; give the name of a file in it")
    if out.exists() and not out.is_file():
        raise DataError(f"--out {out}: not a regular file; redirect standard output to it")
    if not folder.is_dir():
        raise DataError(f"--out {out}: {folder} is not a folder; give another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"--out {out}: {folder} may not be written to; give another place")
