"""What `search` looks through: lines of text, encoded on the way, or the vectors that `encode` wrote in Parquet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.arrays import Vectors
from terna.errors import DataError, words_of
from terna.records import read_record
from terna.serving.cli import fingerprint
from terna.serving.cli.encoding import Encoded, encode_all, encoded
from terna.serving.cli.quantization import TYPES, Layout
from terna.serving.cli.writers import FORMATS
from terna.systems import System

PARQUET = ".parquet"
# in a folder that encode-files has finished
INDEX = "_index.json"
UNREADABLE = (OSError, KeyError, ValueError, pa.ArrowException)


@dataclass(frozen=True)
class IndexedShard:
    """What an index says of a shard: its rows, its bytes, and their hex sha256."""

    rows: int
    bytes: int
    sha256: str


def check(path: Path) -> None:
    """DataError, before any work, for a corpus that cannot be searched."""
    if not path.exists() or (path.is_dir() and not (path / INDEX).exists()):
        found = f"a folder without {INDEX}" if path.is_dir() else "not there"
        raise DataError(f"--corpus {path}: {found}; give a text file, or what encode or encode-files wrote in Parquet")
    if has_vectors(path):
        schemas = [_schema(file) for file in files(path)]
        if path.is_dir():
            _check_shards(path, schemas)
    elif path.suffix.removeprefix(".") in FORMATS:
        raise DataError(f"--corpus {path}: search reads vectors in Parquet alone; encode the lines into {PARQUET}")


def check_model(path: Path, own: fingerprint.Fingerprint) -> None:
    """DataError unless the vectors of `path`, if it holds vectors, are such as `own` says."""
    if has_vectors(path):
        for file in files(path):
            fingerprint.check(_schema(file).metadata, own, file)


def layout(path: Path, dimensions: int) -> Layout:
    """How the vectors of `path` are stored, those of a text as the model's `dimensions` are.

    DataError where they cannot be compared with vectors of so many dimensions, nor with the first of these.
    """
    first = files(path)[:1] if has_vectors(path) else []
    if not first:
        return Layout("float32", dimensions)
    schema = _schema(first[0])
    found, mark = _layout(schema), fingerprint.read(schema.metadata)
    if mark is None or mark.dimensions is None:
        fits = found.width == Layout(found.kind, dimensions).width
        kept = dimensions if fits else found.dimensions
    else:
        kept = mark.dimensions
        fits = kept <= dimensions and found.width == Layout(found.kind, kept).width
    if not fits:
        raise DataError(
            f"--corpus {path}: vectors of {kept} dimensions, the model's have {dimensions}; encode the corpus with the "
            "same model"
        )
    return Layout(found.kind, kept)


def read(path: Path, system: System, size: int, stored: Layout) -> Iterator[Encoded]:
    """Up to `size` lines at a time, and their vectors."""
    if has_vectors(path):
        yield from vectors_in(path, size, stored)
        return
    try:
        with path.open("rb") as lines:
            encode = encode_all(system, system.usage.sides.document)
            yield from encoded(encode, lines, size, f"--corpus {path}")
    except OSError as error:
        raise DataError(f"--corpus {path}: {error.strerror}; give a text file, or what encode wrote") from error


def has_vectors(path: Path) -> bool:
    """Whether it is a file of vectors, or a folder of such, rather than a text."""
    return path.is_dir() or path.suffix == PARQUET


def files(path: Path) -> list[Path]:
    """The shards of a folder, in the order of their rows, or the one file; all shards of a folder are of one model."""
    return sorted(path.glob(f"*{PARQUET}")) if path.is_dir() else [path]


def indexed(folder: Path, remedy: str) -> dict[str, IndexedShard]:
    """The shards of a folder by name, as its index has them; DataError, with `remedy`, for one that is no index."""
    shards: dict[str, IndexedShard] = read_record(folder / INDEX, {"shards": dict[str, IndexedShard]}, remedy)["shards"]
    return shards


def _check_shards(path: Path, schemas: list[pa.Schema]) -> None:
    """DataError unless a folder has the shards that its index names, and all have the same columns."""
    again = "run encode-files again"
    due = {name: shard.rows for name, shard in indexed(path, again).items()}
    there = {file.name: pq.read_metadata(file).num_rows for file in files(path)}
    for name in sorted({*due, *there}):
        if due.get(name) != there.get(name):
            found = f"{there[name]} rows" if name in there else "not there"
            wanted = f"{INDEX} says {due[name]}" if name in due else f"not in {INDEX}"
            remedy = f"delete it, and {again}" if name in there else again
            raise DataError(f"--corpus {path / name}: {found}, {wanted}; {remedy}")
    for name, schema in zip(there, schemas, strict=True):
        if not schema.equals(schemas[0]):
            first = next(iter(there))
            raise DataError(f"--corpus {path / name}: other columns than in {first}; delete it, and {again}")


def _schema(path: Path) -> pa.Schema:
    """That of a file with the columns that `encode` writes."""
    schema = _read_schema(path)
    try:
        text, vector = schema.field("text").type, schema.field("vector").type
        fixed = pa.types.is_fixed_size_list(vector) and vector.list_size and vector.value_type in TYPES.values()
        if text != pa.string() or not fixed:
            raise _not_ours(path, f"they are {text} and {vector}")
        if missing := [field for field in _layout(schema).fields if schema.field(field.name).type != field.type]:
            raise _not_ours(path, f"{missing[0].name} is {schema.field(missing[0].name).type}")
    except UNREADABLE as error:
        raise _not_ours(path, error) from error
    return schema


def _read_schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _layout(schema: pa.Schema) -> Layout:
    """What the columns' types tell: of signs a multiple of 8 dimensions."""
    vector = schema.field("vector").type
    kind = next(kind for kind, value in TYPES.items() if value == vector.value_type)
    return Layout(kind, vector.list_size * (8 if kind == "binary" else 1))


def vectors_in(path: Path, size: int, stored: Layout) -> Iterator[Encoded]:
    """Up to `size` rows at a time of a Parquet file, or of all in a folder."""
    for file in files(path):
        yield from _vectors_in(file, size, stored)


def _vectors_in(path: Path, size: int, stored: Layout) -> Iterator[Encoded]:
    place = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in _batches(file, size, ["text", *(field.name for field in stored.fields)]):
                texts, vectors = batch["text"].to_pylist(), stored.vectors(batch)
                _check_numbers(path, texts, vectors, place)
                yield texts, vectors
                place += len(texts)
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _batches(file: pq.ParquetFile, size: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Up to `size` rows at a time; asked for all groups of rows together, pyarrow reads the whole file ahead."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(size, row_groups=[group], columns=columns)


def texts_at(path: Path, places: Iterable[int]) -> tuple[dict[int, str], int]:
    """The texts of some rows, by their places, and how many rows there are; no group of rows without one is read."""
    found: dict[int, str] = {}
    asked, first = np.unique(np.fromiter(places, np.int64)), 0
    for each in files(path):
        try:
            with pq.ParquetFile(each) as file:
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    own = asked[slice(*np.searchsorted(asked, [first, first + rows]))]
                    if len(own):
                        texts = file.read_row_group(group, columns=["text"])["text"]
                        found |= zip(own.tolist(), texts.take(own - first).to_pylist(), strict=True)
                    first += rows
        except UNREADABLE as error:
            raise _damaged(each, error) from error
    return found, first


def _not_ours(path: Path, reason: object) -> DataError:
    told = words_of(reason)
    return DataError(f"--corpus {path}: no columns text and vector that encode wrote ({told}); encode the lines again")


def _damaged(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno:
        return DataError(f"--corpus {path}: {error.strerror}; remove the cause, or give another corpus")
    return DataError(
        f"--corpus {path}: cut off, damaged, or no Parquet file ({words_of(error)}); encode the lines again"
    )


def _check_numbers(path: Path, texts: list[str | None], vectors: Vectors, place: int) -> None:
    known = np.array([text is not None for text in texts], bool)
    bad = np.flatnonzero(known & ~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise DataError(
            f"--corpus {path}, row {place + bad[0] + 1}: a text whose vector is missing or holds values that are no "
            "numbers; encode the lines again"
        )
