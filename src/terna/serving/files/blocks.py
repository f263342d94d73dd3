"""Files cut into blocks of rows, planned from footers and ends of lines: no text is held."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from terna.errors import DataError, words_of

PARQUET = ".parquet"
JSONL = (".jsonl", ".ndjson")
KINDS = (PARQUET, *JSONL, ".txt")
# what a store says of a file that changes with its content, the first that it knows
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
# bytes of a text file in which ends of lines are looked for at once
PIECE = 1 << 21
# files that are planned at once: far away each takes a while to answer
PLANNED = 16


@dataclass(frozen=True)
class Source:
    """A file: size in bytes; stamp: what its store says that changes with its content, such as the time."""

    url: str
    size: int
    stamp: str


@dataclass(frozen=True)
class Block:
    """Rows [first, end) of a file, the `number`-th of the sources; start, stop: their bytes, in a file of lines."""

    number: int
    url: str
    first: int
    end: int
    start: int = 0
    stop: int = 0

    @property
    def name(self) -> str:
        """A name whose alphabetical order is that of the rows."""
        return f"{self.number:06d}-{self.first:012d}-{self.end:012d}"


def sources(place: str) -> list[Source]:
    """The files of a folder and the folders in it, of a pattern, or the one at `place`, by name; any of fsspec's URLs.

    Hidden files, and those whose name starts with `_`, are left out. Raises DataError where there are none.
    """
    return [source for source in _files(place) if _kind(source.url) in KINDS]


def others(place: str) -> list[str]:
    """The files there that `sources` leaves out because of how their names end."""
    return [source.url for source in _files(place) if _kind(source.url) not in KINDS]


def blocks_of(files: list[Source], rows: int, column: str) -> list[Block]:
    """Blocks of up to `rows` rows, in order; of Parquet the footers are read, of lines where each `rows`-th ends."""
    with ThreadPoolExecutor(PLANNED) as pool:
        planned = pool.map(_planned, range(len(files)), files, repeat(rows), repeat(column))
        return [block for blocks in planned for block in blocks]


def is_kind(url: str, *kinds: str) -> bool:
    """Whether the name ends in one of these, in any case."""
    return _kind(url) in kinds


def opened(url: str) -> Any:
    """A file to read from, near or far; DataError where it is not there."""
    try:
        return fsspec.open(url, "rb").open()
    except OSError as error:
        raise DataError(f"{url}: {error.strerror or words_of(error)}; keep it until the run ends") from error


def _files(place: str) -> list[Source]:
    """All files that are not hidden, by name."""
    try:
        store, path = url_to_fs(place)
        there = store.exists(path)
        pattern = None if there else re.search(r"[*?\[]", path)
        found = (store.glob if pattern else store.find)(path, detail=True)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"--from {place}: {words_of(error)}; give a folder, a pattern or a file") from error
    if not there and not pattern:
        raise DataError(f"--from {place}: not there; give a folder, a pattern or a file")
    root = path[: pattern.start()].rpartition("/")[0] if pattern else path
    seen = sorted(name for name, info in found.items() if info["type"] != "directory" and not _is_hidden(name, root))
    if not any(_kind(name) in KINDS for name in seen):
        raise DataError(f"--from {place}: no file that ends in {', '.join(KINDS)}; give a folder or a pattern of some")
    return [_source(store.unstrip_protocol(name).removeprefix("file://"), found[name]) for name in seen]


def _is_hidden(name: str, root: str) -> bool:
    return any(part.startswith(("_", ".")) for part in PurePosixPath(name.removeprefix(root)).parts)


def _kind(name: str) -> str:
    """How the name ends, in lower case."""
    return PurePosixPath(name).suffix.lower()


def _source(url: str, info: dict[str, Any]) -> Source:
    return Source(url, int(info["size"]), next((str(info[key]) for key in STAMPS if info.get(key)), ""))


def _planned(number: int, source: Source, rows: int, column: str) -> list[Block]:
    with opened(source.url) as file:
        if not is_kind(source.url, PARQUET):
            return list(_line_blocks(number, source.url, file, rows))
        count = _rows_of(file, source.url, column)
    return [Block(number, source.url, first, min(first + rows, count)) for first in range(0, count, rows)]


def _rows_of(file: BinaryIO, url: str, column: str) -> int:
    """How many rows a Parquet file has; DataError unless its column holds texts."""
    try:
        with pq.ParquetFile(file) as parquet:
            schema, count = parquet.schema_arrow, parquet.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{url}: no Parquet ({words_of(error)}); write it again, or leave it out") from error
    if column not in schema.names:
        raise DataError(f"{url}: no column {column}; give --column one of {', '.join(schema.names)}")
    kind = schema.field(column).type
    if (kind.value_type if pa.types.is_dictionary(kind) else kind) not in (pa.string(), pa.large_string()):
        raise DataError(f"{url}: column {column} is {kind}, not string; give --column another")
    return int(count)


def _line_blocks(number: int, url: str, file: BinaryIO, rows: int) -> Iterator[Block]:
    first = start = lines = place = last = 0
    while piece := file.read(PIECE):
        ends = np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")) + place + 1
        for stop in ends[rows - 1 - lines % rows :: rows].tolist():
            yield Block(number, url, first, first + rows, start, stop)
            first, start = first + rows, stop
        lines += len(ends)
        place += len(piece)
        last = int(ends[-1]) if len(ends) else last
    if lines + (place > last) > first:
        yield Block(number, url, first, lines + (place > last), start, place)
