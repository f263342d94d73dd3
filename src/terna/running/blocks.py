"""What a cluster's workers read and write: a file with the blocks, and a file for each, whole or not at all."""

import os
import platform
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from terna.errors import DataError, ModelError, words_of
from terna.records import replacing

# workers that may die on a block before it is refused
DEATHS = 3


@contextmanager
def handed_out(folder: Path, batches: Iterable[pa.RecordBatch]) -> Iterator[Path]:
    """A file of batches of one schema, at least one, that is there while the block runs: `batch_of` reads from it.

    What workers and earlier runs left half written in the folder is removed before and after.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tidy(folder)
    path = folder.absolute() / f".blocks-{secrets.token_hex(4)}.arrow.part"
    try:
        several = iter(batches)
        first = next(several)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
            writer.write_batch(first)
            for batch in several:
                writer.write_batch(batch)
        yield path
    finally:
        tidy(folder)


def batch_of(path: Path, number: int) -> pa.RecordBatch:
    """A batch of the file that was handed out; ModelError on a machine that does not share its folder."""
    check_shared(path)
    try:
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_file(file).get_batch(number)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({words_of(error)}); check the disk, and run again") from error


def check_shared(path: Path) -> None:
    """Raise ModelError where a file that the command has written is not there: the folder is another one here."""
    if not path.exists():
        raise ModelError(
            f"{path}: not there on {platform.node()}, where a worker runs; all machines of the cluster must share the "
            "folder, under the same path: use a file system that all of them mount"
        )


@contextmanager
def begun(path: Path, block: str, fewer: str) -> Iterator[Path]:
    """`replacing`, for a worker: its file beside `path` is there from the start.

    Raises ModelError where DEATHS workers have died on the same. block: how the message names it; fewer: its remedy.
    """
    if len(lost := [*path.parent.glob(f".{path.name}.*.part")]) >= DEATHS:
        raise ModelError(
            f"{block}: {len(lost)} workers died on them, for lack of memory or by a signal; {fewer}, and run again"
        )
    # a worker that was given up may still write
    with replacing(path, f".{os.getpid()}-{secrets.token_hex(4)}") as beside:
        beside.touch()
        yield beside


def tidy(folder: Path) -> None:
    """Remove what workers that were killed had half written."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
