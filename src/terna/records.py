"""The typed rows that pass between stages, in and out of Parquet, written whole or not at all."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from terna.arrays import Ints, joined, take
from terna.errors import DataError

# rows of a group of a Parquet file
ROWS = 1 << 20
Rows = Sequence[Mapping[str, float | str]]

LABELS = ("entailment", "neutral", "contradiction")

# labelled pairs: data/nli/pairs.parquet
PAIRS = pa.schema(
    [(name, pa.string()) for name in ("premise", "hypothesis", "label", "language", "corpus")],
)
# each sentence that was translated: data/nli/translations.parquet; target is null where reason says why it was dropped
TRANSLATIONS = pa.schema([(name, pa.string()) for name in ("source", "target", "reason", "language")])
# translated sentences: data/parallel/sentences.parquet
PARALLEL = pa.schema([(name, pa.string()) for name in ("source", "target", "corpus")])
# the word alignment: data/tokens/lexicon.parquet; count is how often word and translation were aligned, in expectation
LEXICON = pa.schema([("word", pa.string()), ("translation", pa.string()), ("count", pa.float64())])
# what new entries of a vocabulary start from, old entries and their shares: data/tokens/starts.parquet
STARTS = pa.schema([("id", pa.int64()), ("pieces", pa.list_(pa.int64())), ("shares", pa.list_(pa.float64()))])
# the entries of a cut vocabulary, in the order of their new ids: what their ids were, and how often the text at hand
# uses them: data/tokens/kept.parquet; empty where none was cut
KEPT = pa.schema([("id", pa.int64()), ("piece", pa.string()), ("count", pa.int64())])
# scored pairs: a benchmark, in the order of its files
SCORED = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("sentence1", pa.string()),
        ("sentence2", pa.string()),
        ("gold", pa.float64()),
    ]
)
# what the start and the weights that were kept make of each development pair or query: plots/outcomes.parquet
OUTCOMES = pa.schema([(name, pa.list_(pa.float64())) for name in ("start", "kept")])
# scored pairs to train on, scores from 0 to 1: data/nli/scored.parquet, data/triplets/scored.parquet
PAIR = ("sentence1", "sentence2")
SCORED_PAIRS = pa.schema(
    [*((name, pa.string()) for name in PAIR), ("score", pa.float64()), ("corpus", pa.string())],
)
# anchors with a positive and any number of negatives: data/nli/tuples.parquet, data/triplets/tuples.parquet
TUPLES = pa.schema(
    [
        ("anchor", pa.string()),
        ("positive", pa.string()),
        ("negatives", pa.list_(pa.string())),
        ("corpus", pa.string()),
    ]
)
# tuples with negatives that were mined, and in the place of which row of which table they stand, which is train or
# tuples: data/mined/tuples.parquet; without negatives the row is left out
MINED = pa.schema([*TUPLES, ("source", pa.string()), ("row", pa.int64())])
# pairs with a class: data/nli/classed.parquet, data/triplets/classed.parquet
CLASSED_PAIRS = pa.schema([*((name, pa.string()) for name in PAIR), ("class", pa.string()), ("corpus", pa.string())])
# raw text, a sentence or passage a row: data/nli/texts.parquet, data/triplets/texts.parquet
RAW_TEXTS = pa.schema([("text", pa.string()), ("corpus", pa.string())])
# triplets: data/triplets/{train,dev}.parquet; corpus is the one of the pair of anchor and positive
TEXTS = ("anchor", "positive", "negative")
TRIPLETS = pa.schema([(name, pa.string()) for name in (*TEXTS, "corpus")])
# each sentence once, without labels: data/triplets/sentences.parquet
SENTENCES = pa.schema([("sentence", pa.string())])
# what is known to follow: data/triplets/positives.parquet
POSITIVES = pa.schema([(name, pa.string()) for name in ("sentence", "positive")])


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until what was written to a file, or renamed in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path, writer: str = "") -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it onto `path` once it is on the disk, if the block succeeds.

    writer: a word of its own for each of several processes that may write `path` at once, the same content. An OSError
    of the block that names no file names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}{writer}.part")
    try:
        yield beside
        sync(beside)
        beside.replace(path)
    except OSError as error:
        if error.filename is not None or isinstance(error, shutil.Error):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """As `replacing`, for a folder: yield an empty one beside it, which takes its place whole or not at all."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        for path in [*beside.rglob("*"), beside]:
            sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_table(table: pa.Table, path: Path, schema: pa.Schema, rows: Ints | None = None) -> None:
    """Write `table`, whose columns must be those of `schema`, as Parquet, the same bytes however it is chunked.

    rows: the places of the rows to write, in their order; a group of rows at a time is in memory beside the table.
    """
    with replacing(path) as beside, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
        whole = table.cast(schema)
        for first in range(0, max(1, len(whole) if rows is None else len(rows)), ROWS):
            part = whole.slice(first, ROWS) if rows is None else _taken(whole, rows[first : first + ROWS])
            writer.write_table(pa.table([joined(column) for column in part.columns], schema=schema))


def _taken(table: pa.Table, rows: Ints) -> pa.Table:
    """The rows at these places."""
    columns = []
    for column in table.columns:
        has_texts = pa.types.is_string(column.type) or pa.types.is_list(column.type)
        columns.append(take(column, rows) if has_texts else column.take(pa.array(rows)))
    return pa.table(columns, schema=table.schema)


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a Parquet table of `schema`; DataError if it is missing, broken or has other columns."""
    try:
        # group by group: read_table holds the whole file beside what it reads
        with pq.ParquetFile(path, pre_buffer=False) as file:
            groups = [file.read_row_group(number) for number in range(file.num_row_groups)]
            table = pa.concat_tables([file.schema_arrow.empty_table(), *groups])
        return table.select(schema.names).cast(schema)
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; run the stage that writes it (dvc repro)") from error
    except (pa.ArrowException, KeyError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of {', '.join(schema.names)} ({error}); run its stage again") from error


def sentences_of(scored: pa.Table) -> tuple[list[str], list[str]]:
    """All first and all second sentences of a SCORED table."""
    return scored["sentence1"].to_pylist(), scored["sentence2"].to_pylist()


def write_text(text: str, path: Path) -> None:
    """Write `text` as UTF-8."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(value: Any, path: Path) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(json_text(value), path)


def json_text(value: Any) -> str:
    """What `write_json` writes."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file; DataError if it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; run the stage that writes it (dvc repro)") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder, expected a file; move it away, and run the stage that writes it") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deeply; run the stage that writes it again") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run the stage that writes it again") from error


def read_record(path: Path, keys: Mapping[str, Any], remedy: str) -> dict[str, Any]:
    """Read a JSON object that has `keys`, each with a value of the type that it is mapped to, and may have others.

    remedy: how it is written again, see `rerun`. Raises DataError, with file and key, for anything else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        wanted = " with ".join(["an object", *([", ".join(keys)] if keys else [])])
        raise DataError(f"{path}: {json.dumps(content)[:60]}, expected {wanted}; {remedy}")
    if missing := [key for key in keys if key not in content]:
        raise DataError(f"{path}: no {missing[0]!r}; {remedy}")
    return content | {key: validated(kind, content[key], f"{path}: {key}", remedy) for key, kind in keys.items()}


def validated(kind: Any, content: Any, where: str, remedy: str) -> Any:
    """What was read from JSON as a value of the type `kind`; DataError, with the place of the fault, if it is none."""
    try:
        # through JSON: strict mode then takes mappings for dataclasses and lists for tuples
        return TypeAdapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise DataError(": ".join(filter(None, [where, place, f"{fault['msg']}; {remedy}"]))) from error


def rerun(stage: str) -> str:
    """The remedy for what a stage wrote and somebody changed."""
    return f"run the {stage} stage again (dvc repro -s -f {stage})"


def write_rows(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write the given columns of `rows` as CSV."""
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_arrays(arrays: Mapping[str, Any], folder: Path) -> None:
    """Write each array by its name as .npy into `folder`, beside what else is there."""
    for name, array in arrays.items():
        # into "wb" numpy writes by itself, and then does not say why it could not
        with replacing(folder / f"{name}.npy") as beside, beside.open("w+b") as file:
            np.save(file, array)


def write_array(parts: Iterable[Any], kind: type[np.generic], path: Path) -> None:
    """Write arrays (n,) of one kind one after another as one .npy, the bytes that `np.save` writes."""
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False}
    with replacing(path) as beside, beside.open("w+b") as file:
        np.lib.format.write_array_header_1_0(file, described | {"shape": (0,)})
        count = 0
        for part in parts:
            count += len(part)
            file.write(np.ascontiguousarray(part, kind).data)
        # numpy leaves room for a length of any size
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, described | {"shape": (count,)})


def read_arrays(names: Iterable[str], folder: Path, *, stage: str) -> dict[str, Any]:
    """Map the arrays that `stage` wrote into memory, read-only; DataError if one is missing or broken."""
    arrays = {}
    for name in names:
        path = folder / f"{name}.npy"
        try:
            arrays[name] = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError, TokenError) as error:
            raise DataError(f"{path}: {error}; run the {stage} stage (dvc repro {stage})") from error
    return arrays
