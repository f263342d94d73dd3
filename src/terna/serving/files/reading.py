"""The texts of a block."""

import io
import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.errors import DataError, words_of
from terna.sentences import decoded
from terna.serving.cli.lines import composed, text_of
from terna.serving.files.blocks import JSONL, PARQUET, Block, is_kind, opened

# rows of a Parquet file that are decoded at once
ROWS = 8192


def texts_of(block: Block, column: str) -> Iterator[str | None]:
    """The text of each row, in NFC; None where it is blank, null or not UTF-8.

    Raises DataError, with file and line, for what is no text, and where the file is not what was planned.
    """
    count = 0
    with opened(block.url) as file:
        for text in (_column if is_kind(block.url, PARQUET) else _lines)(file, block, column):
            count += 1
            yield text
    if count != block.end - block.first:
        raise DataError(f"{block.url}: changed since the run began; give it time to be whole, and run again")


def _column(file: BinaryIO, block: Block, column: str) -> Iterator[str | None]:
    with pq.ParquetFile(file) as parquet:
        sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        ends = np.cumsum([0, *sizes])
        groups = [n for n in range(len(sizes)) if ends[n] < block.end and ends[n + 1] > block.first]
        place = int(ends[groups[0]]) if groups else 0
        for batch in parquet.iter_batches(ROWS, row_groups=groups, columns=[column]):
            inside = batch[column].slice(max(0, block.first - place), max(0, block.end - max(place, block.first)))
            # a column of strings may hold any bytes
            for value in inside.cast(pa.large_string()).cast(pa.large_binary()).to_pylist():
                yield _composed(value)
            place += len(batch)
            if place >= block.end:
                return


def _lines(file: BinaryIO, block: Block, column: str) -> Iterator[str | None]:
    file.seek(block.start)
    lines = io.BytesIO(file.read(block.stop - block.start))
    read = _field if is_kind(block.url, *JSONL) else lambda line, number, name, column: text_of(line, number, name)
    for number, line in enumerate(lines, start=block.first + 1):
        yield read(line, number, block.url, column)


def _field(line: bytes, number: int, name: str, column: str) -> str | None:
    """The text of a line of JSON."""
    try:
        if not (text := decoded(line, number, name)).strip():
            return None
        value = json.loads(text)[column]
    except UnicodeDecodeError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        told = f"no JSON object with {column!r} ({words_of(error)})"
        raise DataError(f"{name}, line {number}: {told}; correct it, or give --column another") from error
    if value is not None and not isinstance(value, str):
        raise DataError(f"{name}, line {number}: {column!r} is {value!r:.60}, not a string; give --column another")
    return _composed(None if value is None else value.encode("utf-8", "surrogatepass"))


def _composed(value: bytes | None) -> str | None:
    try:
        return None if value is None else composed(value.decode())
    except UnicodeDecodeError:
        return None
