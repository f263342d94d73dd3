"""The columns of a table in CSV, TSV, JSON lines or Parquet, row by row."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from terna.errors import DataError, words_of
from terna.sentences import required

# where a row is, and its values by what they are
Row = tuple[str, dict[str, Any]]
# by what the columns are: what each may be called, the first that is there, or its place from 1
Columns = Mapping[str, Sequence[str | int]]
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
BY_SUFFIX = {".csv": tuple(DELIMITERS), ".tsv": ("\t",), ".tab": ("\t",)}
LINES = (".jsonl", ".ndjson", ".json")
BATCH = 4096


def read_columns(path: Path, columns: Columns, optional: Collection[str] = ()) -> Iterator[Row]:
    """Each row of a table: where it is, and its value of each of `columns`, one of `optional` only if it is there.

    What kind of table it is, the suffix says. Values are text in CSV and TSV, and what is written elsewhere. Raises
    DataError, with what was found, for a suffix that is none of these, a missing or repeated column, a row that lacks
    one, and a file that cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in BY_SUFFIX:
            yield from _separated(path, columns, optional, BY_SUFFIX[suffix])
        elif suffix in LINES:
            yield from _lines(path, columns, optional)
        elif suffix == ".parquet":
            yield from _parquet(path, columns, optional)
        else:
            known = ", ".join([*BY_SUFFIX, *LINES, ".parquet"])
            raise DataError(f"{path}: a table is told by its suffix, and {suffix or 'none'} is not one of {known}")
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; fetch it (dvc repro)") from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({words_of(error)})") from error


def _separated(path: Path, columns: Columns, optional: Collection[str], delimiters: Sequence[str]) -> Iterator[Row]:
    """CSV and its like, quoted as CSV; a quoted field may go over several lines. Blank lines are passed over."""
    text = _text(path)
    first = text.partition("\n")[0]
    placed = any(isinstance(name, int) for names in columns.values() for name in names)
    delimiter, width = _delimiter(first, columns, optional, delimiters, str(path))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    places: dict[str, int] = {}
    line = 1
    try:
        for fields in reader:
            where, line = f"{path}, line {line}", reader.line_num + 1
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != width:
                raise DataError(
                    f"{where}: {len(fields)} columns, but the first row has {width}; quote a field that holds a "
                    f'{DELIMITERS[delimiter]} ("…"), or mend the row'
                )
            if not places:
                places = _places([field.strip() for field in fields], columns, optional, where)
                if not placed:
                    continue
            yield where, {key: fields[place].strip() for key, place in places.items()}
    except csv.Error as error:
        raise DataError(
            f"{path}, line {line}: {error}; a field that begins with a quote ends with one, and a quote within it is "
            'doubled: "He said ""no""."'
        ) from error


def _text(path: Path) -> str:
    with path.open("rb") as file:
        text = "\n".join(required(raw.rstrip(b"\r\n"), number, str(path)) for number, raw in enumerate(file, start=1))
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def _delimiter(
    first: str, columns: Columns, optional: Collection[str], delimiters: Sequence[str], label: str
) -> tuple[str, int]:
    """The one delimiter by which the first line has all columns that are needed, and how many columns it then has."""
    rows = {one: row for one in delimiters if (row := _cells(first, one))}
    fitting = [one for one, row in rows.items() if not _missing(row, columns, optional)]
    if len(fitting) == 1:
        return fitting[0], len(rows[fitting[0]])
    if fitting:
        parted = " and by ".join(DELIMITERS[one] for one in fitting)
        raise DataError(
            f"{label}, line 1: {first[:80]!r} is parted by {parted} alike; quote the fields, or save as .tsv"
        )
    widest = max(rows.values(), key=len, default=[first])
    raise _lacking(f"{label}, line 1", widest, columns, optional)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [
            cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
        ]
    except (csv.Error, StopIteration):
        return []


def _places(found: Sequence[str], columns: Columns, optional: Collection[str], where: str) -> dict[str, int]:
    """Where each column is among those that a table has."""
    if _missing(found, columns, optional):
        raise _lacking(where, found, columns, optional)
    places = {}
    for key, names in columns.items():
        name = _name(names, found)
        if name is None:
            continue
        if isinstance(name, str) and found.count(name) > 1:
            raise DataError(f"{where}: {found.count(name)} columns are called {name!r}; rename all but one")
        places[key] = name - 1 if isinstance(name, int) else found.index(name)
    return places


def _name(names: Sequence[str | int], found: Sequence[str]) -> str | int | None:
    """The first of the names, or places, that a table has."""
    return next((name for name in names if (name <= len(found) if isinstance(name, int) else name in found)), None)


def _missing(found: Sequence[str], columns: Columns, optional: Collection[str]) -> list[str]:
    return [key for key, names in columns.items() if key not in optional and _name(names, found) is None]


def _lacking(where: str, found: Sequence[str], columns: Columns, optional: Collection[str]) -> DataError:
    lost = _missing(found, columns, optional)
    wanted = ", ".join(" or ".join(map(repr, columns[key])) for key in lost)
    listed = ", ".join(repr(name[:40]) for name in found)
    declared = ", ".join(f"{key}: {key}" for key in columns if key not in optional)
    return DataError(
        f"{where}: no column {wanted}; the {len(found)} columns are {listed}. Say which is which "
        f"(columns={{{declared}}}), by name or, without a header in CSV and TSV, by its place from 1"
    )


def _lines(path: Path, columns: Columns, optional: Collection[str]) -> Iterator[Row]:
    """An object a line. Blank lines are passed over; a value that is null is as good as none."""
    _named(path, columns)
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where, line = f"{path}, line {number}", required(raw, number, str(path))
            if line.strip():
                row = _object(line, where)
                places = _places([key for key, _ in row], columns, optional, where)
                yield where, {key: row[place][1] for key, place in places.items()}


def _object(line: str, where: str) -> Sequence[tuple[str, Any]]:
    try:
        # a tuple an object, so that a key that comes twice is seen
        row = json.loads(line, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); write one object a line") from error
    if not isinstance(row, tuple):
        raise DataError(f"{where}: {line[:60]!r} is no JSON object; write one object a line")
    return row


def _parquet(path: Path, columns: Columns, optional: Collection[str]) -> Iterator[Row]:
    _named(path, columns)
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        places = _places(names, columns, optional, str(path))
        number = 0
        for batch in file.iter_batches(BATCH, columns=[names[place] for place in places.values()]):
            for values in zip(*(batch.column(names[place]).to_pylist() for place in places.values()), strict=True):
                number += 1
                yield f"{path}, row {number}", dict(zip(places, values, strict=True))


def _named(path: Path, columns: Columns) -> None:
    if any(isinstance(name, int) for names in columns.values() for name in names):
        raise DataError(f"{path}: its columns have names, so places do not count; give the names")
