"""A data file as a stream of Arrow tables, read by `datasets` or Arrow: memory does not grow with the file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from terna.data.corpora.located import check_csv, check_json, check_text
from terna.errors import DataError, words_of
from terna.sentences import required

# rows of a table
BATCH = 8192
# bytes of a first line; of a file whose lines a carriage return ends, all that is looked at
LONGEST = 1 << 20
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
# what datasets raises for a malformed file: pandas' errors, UnicodeDecodeError and its own are ValueErrors
UNREADABLE = (OSError, ValueError, KeyError, TypeError, csv.Error, pa.ArrowException)


@dataclass(frozen=True)
class Stream:
    """A data file that is open.

    label: how errors call it. columns: their names, or how many there are of a CSV without a header. tables: wanted
    places → tables of these columns in this order, batch by batch. names: of a column whose numbers stand for names,
    as a ClassLabel of datasets, these names by its place.
    """

    label: str
    columns: Sequence[str] | int
    tables: Callable[[Sequence[int]], Iterator[pa.Table]]
    names: dict[int, Sequence[str]]


def opened(path: Path, *, header: bool = True, columns: bool = False) -> Stream:
    """Open a data file by its ending, or a folder of .txt files, or one that `save_to_disk` of datasets wrote.

    header: whether a CSV or TSV begins with the names of its columns. columns: whether a .txt file holds columns too,
    as SentEval's do, and not a text per line. Raises DataError, later too, as its tables are
    read, for a file that is missing, empty, of another kind, or malformed: with the line where it is text.
    """
    ending = "" if path.is_dir() else path.suffix.lower()
    if ending not in OPENERS:
        raise DataError(f"{path}: a data file ends in {', '.join(filter(None, OPENERS))}; convert or rename it")
    parted = [".csv", ".tsv", *([".txt"] if columns else [])]
    if not header and ending not in parted:
        raise DataError(f"{path}: its columns have names; give these under columns, not places")
    with _readable(path):
        if path.is_file() and not path.stat().st_size:
            raise DataError(f"{path}: the file is empty")
        return (_csv if ending in parted else OPENERS[ending])(path, header)


@contextmanager
def _readable(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[None]:
    """Name the file when it cannot be read; check: raises DataError with the line of the fault, if it finds one."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; fetch it (dvc repro)") from error
    except UNREADABLE as error:
        if check is not None:
            check(path)
        raise DataError(f"{path}: cannot be read ({words_of(error)}); is it the right file?") from error


def _library() -> Any:
    """IterableDataset of datasets, whose errors are raised here and need not be logged as well."""
    # not at the top: it takes a second to import, and reads its environment then
    import datasets

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    return datasets.IterableDataset


def _batches(stream: Any, path: Path, check: Callable[[Path], None] | None = None) -> Iterator[pa.Table]:
    with _readable(path, check):
        yield from stream.with_format("arrow").iter(batch_size=BATCH)


def _classes(features: Any) -> dict[int, Sequence[str]]:
    """The names that the numbers of each ClassLabel stand for, by the column's place."""
    return {place: feature.names for place, feature in enumerate(features.values()) if hasattr(feature, "names")}


def _features(path: Path) -> Any:
    """What the columns of a Parquet file hold, from its schema: a stream that is asked begins to read."""
    from datasets import Features

    return Features.from_arrow_schema(pq.read_schema(path))


def _parquet(path: Path, header: bool) -> Stream:
    """Read by Arrow itself: through `datasets` its threads hold a Python file, and may abort the process as it ends."""
    names = pq.read_schema(path).names

    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        wanted = [names[place] for place in places]
        with _readable(path), pq.ParquetFile(path) as file:
            # a group of rows at a time: of several, all would be read ahead
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(BATCH, row_groups=[group], columns=list(dict.fromkeys(wanted))):
                    yield pa.Table.from_batches([batch]).select(wanted)

    return Stream(str(path), names, tables, _classes(_features(path)))


def _arrow(path: Path, header: bool) -> Stream:
    parts = sorted(path.glob("*.arrow")) if path.is_dir() else [path]
    if not parts:
        splits = [one.name for one in sorted(path.iterdir()) if one.is_dir()]
        inside = f"; name one of its splits: {', '.join(splits)}" if splits else "; datasets.save_to_disk writes some"
        raise DataError(f"{path}: no .arrow file in this folder{inside}")
    streams = [_part(part) for part in parts]
    names = list(streams[0].features)

    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        wanted = [names[place] for place in places]
        found = chain.from_iterable(_batches(*each) for each in zip(streams, parts, strict=True))
        return (table.select(wanted) for table in found)

    return Stream(str(path), names, tables, _classes(streams[0].features))


def _part(path: Path) -> Any:
    with _readable(path):
        return _library().from_file(str(path))


def _json(path: Path, header: bool) -> Stream:
    found = _objects(path)
    first = next(found, None)
    if first is None:
        raise DataError(f"{path}: the file has no rows")
    # datasets holds to the types of what it reads first, where a list may be empty in every row
    schema = pa.schema([field.with_type(_settled(field.type)) for field in first.schema])
    if schema.types != first.schema.types:
        found = _objects(path, schema)
        first = next(found)

    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        # by name: another batch may have its columns in another order
        wanted = [first.column_names[place] for place in places]
        return (table.select(wanted) for table in chain([first], found))

    return Stream(str(path), first.column_names, tables, {})


def _objects(path: Path, schema: pa.Schema | None = None) -> Iterator[pa.Table]:
    """The rows of a file of JSON, in the types that are given, or those of its beginning."""
    from datasets import Features

    features = schema and Features.from_arrow_schema(schema)
    stream = _library().from_json(escape(str(path)), features=features, on_mixed_types=None, parse_agent_traces=False)
    return _batches(stream, path, check_json)


def _settled(kind: pa.DataType) -> pa.DataType:
    """A type in which what has no value yet is a text."""
    if pa.types.is_list(kind):
        return pa.list_(_settled(kind.value_type))
    return pa.string() if pa.types.is_null(kind) else kind


def _folder(path: Path, header: bool) -> Stream:
    """Texts, a line each, of files in the order of their names; or what `datasets` saved."""
    parts = [_text(part, header) for part in sorted(path.glob("*.txt"))]
    if not parts:
        return _arrow(path, header)

    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        return chain.from_iterable(part.tables(places) for part in parts)

    return Stream(str(path), ["text"], tables, {})


def _text(path: Path, header: bool) -> Stream:
    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        return _batches(_library().from_text(escape(str(path)), encoding="utf-8-sig"), path, check_text)

    return Stream(str(path), ["text"], tables, {})


def _csv(path: Path, header: bool) -> Stream:
    """Quoted as CSV. What parts the fields is what parts the first line into most."""
    first = _first_line(path)
    parted = {delimiter: _cells(first, delimiter) for delimiter in DELIMITERS}
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=lambda one: len(parted[one]))
    cells = parted[delimiter]
    check = check_csv(delimiter, len(cells))

    def tables(places: Sequence[int]) -> Iterator[pa.Table]:
        from datasets import Features, Value

        # one column more than there are: a row that is too long shows there, one that is too short lacks its last
        names = [str(place) for place in range(len(cells) + 1)]
        stream = _library().from_csv(
            escape(str(path)),
            features=Features({name: Value("string") for name in names}),
            names=names,
            header=None,
            sep=delimiter,
            skipinitialspace=True,
            # no text is taken for a number or for none; quotes must match; a row that is too short is not filled up
            na_filter=False,
            keep_default_na=False,
            engine="python",
            index_col=False,
            chunksize=BATCH,
        )
        for number, table in enumerate(_batches(stream, path, check)):
            if table[-1].null_count < len(table) or table[-2].null_count:
                check(path)
            # pandas takes no fewer names than a header has: it is read as a row
            yield table.select(list(places)).slice(int(header and not number))

    return Stream(str(path), cells if header else len(cells), tables, {})


def _first_line(path: Path) -> str:
    """The first line that is not blank, whatever ends it."""
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
            for line in required(raw, number, str(path)).split("\r"):
                if line.strip():
                    return line.rstrip("\n")
    return ""


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


OPENERS: dict[str, Callable[[Path, bool], Stream]] = {
    "": _folder,
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json,
    ".json": _json,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".txt": _text,
}
