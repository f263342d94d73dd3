"""What `search` looks through: lines of text, encoded on the way, or the vectors that `encode` wrote in Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.arrays import Vectors
from terna.errors import DataError, words_of
from terna.serving.cli import fingerprint
from terna.serving.cli.encoding import Encoded, encode_all, encoded
from terna.serving.cli.writers import FORMATS
from terna.systems import System

PARQUET = ".parquet"
# in a folder that encode-files has finished
INDEX = "_index.json"
UNREADABLE = (OSError, KeyError, ValueError, pa.ArrowException)


def check(path: Path) -> None:
    """DataError, before any work, for a corpus that cannot be searched."""
    folder = path.is_dir()
    if not path.exists() or (folder and not (path / INDEX).exists()):
        found = f"a folder without {INDEX}" if folder else "not there"
        raise DataError(f"--corpus {path}: {found}; give a text file, or what encode or encode-files wrote in Parquet")
    if folder or path.suffix == PARQUET:
        for file in _files(path)[:1]:
            _schema(file)
    elif path.suffix.removeprefix(".") in FORMATS:
        raise DataError(f"--corpus {path}: search reads vectors in Parquet alone; encode the lines into {PARQUET}")


def check_model(path: Path, own: fingerprint.Fingerprint) -> None:
    """DataError unless the vectors of `path`, if it holds vectors, are such as `own` says."""
    if path.is_dir() or path.suffix == PARQUET:
        for file in _files(path)[:1]:
            fingerprint.check(_schema(file).metadata, own, path)


def read(path: Path, system: System, size: int) -> Iterator[Encoded]:
    """Up to `size` lines at a time, and their vectors."""
    if path.is_dir() or path.suffix == PARQUET:
        for file in _files(path):
            yield from _stored(file, size)
        return
    try:
        with path.open("rb") as lines:
            encode = encode_all(system, system.usage.sides.document)
            yield from encoded(encode, lines, size, f"--corpus {path}")
    except OSError as error:
        raise DataError(f"--corpus {path}: {error.strerror}; give a text file, or what encode wrote") from error


def _files(path: Path) -> list[Path]:
    """The shards of a folder, in the order of their rows, or the one file; all shards of a folder are of one model."""
    return sorted(path.glob(f"*{PARQUET}")) if path.is_dir() else [path]


def _schema(path: Path) -> pa.Schema:
    """That of a file with the columns that `encode` writes."""
    try:
        schema = pq.read_schema(path)
        text, vector = schema.field("text").type, schema.field("vector").type
    except UNREADABLE as error:
        raise _not_ours(path, error) from error
    if text != pa.string() or not pa.types.is_fixed_size_list(vector) or vector.value_type != pa.float32():
        raise _not_ours(path, f"they are {text} and {vector}")
    return schema


def _stored(path: Path, size: int) -> Iterator[Encoded]:
    place = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(size, columns=["text", "vector"]):
                texts, vectors = batch["text"].to_pylist(), _rows(batch["vector"])
                _check_numbers(path, texts, vectors, place)
                yield texts, vectors
                place += len(texts)
    except UNREADABLE as error:
        raise _not_ours(path, error) from error


def _not_ours(path: Path, reason: object) -> DataError:
    told = words_of(reason)
    return DataError(f"--corpus {path}: no columns text and vector that encode wrote ({told}); encode the lines again")


def _check_numbers(path: Path, texts: list[str | None], vectors: Vectors, place: int) -> None:
    known = np.array([text is not None for text in texts], bool)
    bad = np.flatnonzero(known & ~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise DataError(
            f"--corpus {path}, row {place + bad[0] + 1}: a text whose vector is missing or holds values that are no "
            "numbers; encode the lines again"
        )


def _rows(vectors: Any) -> Vectors:
    """(n, dimension) float32, NaN where there is no vector."""
    filled = np.asarray(vectors.values.slice(vectors.offset * vectors.type.list_size), np.float32)
    rows = filled[: len(vectors) * vectors.type.list_size].reshape(len(vectors), -1).copy()
    rows[np.asarray(vectors.is_null())] = np.nan
    return rows
