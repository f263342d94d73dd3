"""Standard output of a stage or command: what it does not take is a DataError that names it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

from terna.errors import DataError


class _Output:
    """A stream that raises DataError where it takes no more; or ends the process, where it shows text and no more."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shows = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with self._named():
            return self.stream.write(text)

    def flush(self) -> None:
        with self._named():
            self.stream.flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            fault = cut_off(error, self.stream)
            if self.shows and isinstance(error, BrokenPipeError):
                sys.exit()
            raise fault from error


@contextmanager
def named() -> Iterator[None]:
    """In the block, and as it ends, standard output raises DataError where it takes no more.

    Who reads a pipe may stop reading at the end.
    """
    before = sys.stdout
    if before is None:  # closed, and then nothing is printed
        yield
        return
    sys.stdout = cast("TextIO", _Output(before))
    try:
        with _flushed():
            yield
    finally:
        sys.stdout = before


def only_show() -> None:
    """From now on this process shows text and does nothing else: where its reader stops, it ends, with status 0."""
    if isinstance(sys.stdout, _Output):
        sys.stdout.shows = True


def say(script: Path, said: str | None) -> None:
    """Print what `script` did, in one line after its name; nothing where there is nothing to say."""
    if said:
        print(f"{script.stem}: {said}", flush=True)


def cut_off(error: OSError, stream: TextIO) -> DataError:
    """What is said of a `stream` on standard output that took no more; what comes after is dropped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python flushes once more as it ends
    return DataError(f"standard output: {error.strerror}; the output is incomplete. Write it elsewhere")


@contextmanager
def _flushed() -> Iterator[None]:
    try:
        yield
    except SystemExit as end:
        if not end.code:  # `--help`
            _end()
        raise
    except BaseException:
        with suppress(DataError):  # what is told is the fault of the block
            sys.stdout.flush()
        raise
    _end()


def _end() -> None:
    try:
        sys.stdout.flush()
    except DataError as fault:
        if not isinstance(fault.__cause__, BrokenPipeError):
            raise
