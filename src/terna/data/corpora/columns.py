"""Columns of a data file → rows of a shape: labelled pairs, pairs, triplets, scored or classed pairs, raw text.

A malformed row is a DataError that names file, row and column, what was found and what is allowed; rows are counted
from 1, below a header, without blank lines. A row with an empty text, an empty list of positives, or without a gold
label, is counted and left out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pyarrow as pa

from terna.data.corpora.streams import BATCH, Stream, opened
from terna.data.corpora.values import MEANT, Values, classes, labels, listed, numbers, texts, values
from terna.errors import DataError
from terna.records import CLASSED_PAIRS, PAIRS, RAW_TEXTS, SCORED_PAIRS, TUPLES
from terna.settings import Corpus
from terna.settings.declaration import DATASET, FIELDS, SEVERAL

# names under which a field is found where no column is declared for it, in any case
FIRST, SECOND = ("sentence1", "sentence_a", "text1"), ("sentence2", "sentence_b", "text2")
NAMES: Mapping[str, str] = {
    "premise": "|".join(("premise", *FIRST)),
    "hypothesis": "|".join(("hypothesis", *SECOND)),
    "label": "label|gold_label",
    "anchor": "anchor|query",
    "positive": "positives?|pos",
    SEVERAL: "neg(ative)?s?[_ ]?[0-9]*",
    "sentence1": "|".join(FIRST),
    "sentence2": "|".join(SECOND),
    "score": "score|similarity_score",
    "class": "class|label",
    "text": "text|sentence",
    "id": "_?id",
    "title": "title",
    "query": "query(-id)?",
    "document": "document|corpus-id",
}
# where the shape is declared and no column has such a name; a name that says as little is nothing to tell a shape by
SHORT: Mapping[str, str] = {"sentence1": "a", "sentence2": "b"}
SCHEMAS: Mapping[str, pa.Schema] = {
    "nli": PAIRS,
    "pairs": TUPLES,
    "triplets": TUPLES,
    "scored": SCORED_PAIRS,
    "classed": CLASSED_PAIRS,
    "texts": RAW_TEXTS,
}
# shapes with something beside texts, in their third column
MARKED = ("nli", "scored", "classed")
LOST = {"no_label": "no label", "empty_sentence": "a text that is empty or missing"}
COUNTED = ("read", "other_language", *LOST)


def read_columns(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """The rows of a corpus whose files lie in `folder`, as a table of its shape's schema, and the counts of COUNTED.

    Raises DataError for a malformed row, another number of rows than declared, or no row that can be used.
    """
    counts = Counter(dict.fromkeys(COUNTED, 0))
    parts = list(stream_columns(name, corpus, folder, counts))
    check_rows(name, corpus, counts["read"], folder)
    table = pa.concat_tables([SCHEMAS[corpus.kind].empty_table(), *parts])
    if not len(table):
        lost = [f"{counts[key]} have {words}" for key, words in LOST.items() if counts[key]]
        reason = f"of {counts['read']} rows {', '.join(lost)}" if lost else "its files have no rows"
        raise DataError(f"{name}: no row in {folder} can be used: {reason}; is it the right file?")
    return table, counts


def stream_columns(name: str, corpus: Corpus, folder: Path, counts: Counter[str]) -> Iterator[pa.Table]:
    """The same batch by batch, so that memory does not grow with the corpus; counts: is added to."""
    width = 0
    for path in data_files(corpus, folder):
        stream, found = find_columns(path, corpus, FIELDS[corpus.kind])
        places = [place for each in found.values() for place in each]
        if len(places) != (width := width or len(places)):
            fault = f"{len(places)} columns of {corpus.kind}, but {width} in the file before"
            raise DataError(f"{path}: {fault}; name them under columns.{SEVERAL}; {_there_are(stream)}")
        for given in _batches(stream, places):
            kept = _kept(corpus, given, counts)
            # lists of positives can be many times as many rows as were read
            for first in range(0, len(kept[0]), BATCH):
                yield _table(name, corpus, [column[first : first + BATCH] for column in kept])


def _table(name: str, corpus: Corpus, columns: list[list[Any]]) -> pa.Table:
    schema, alike = SCHEMAS[corpus.kind], [corpus.language, name] if corpus.kind == "nli" else [name]
    columns = [*columns, *([word] * len(columns[0]) for word in alike)]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def read_fields(path: Path, corpus: Corpus, fields: Sequence[str]) -> Iterator[dict[str, Values]]:
    """The column of each field of one of a corpus's files, batch by batch, but for optional ones that it has not.

    Raises DataError for a column that is missing, later for what cannot be read.
    """
    stream, found = find_columns(path, corpus, fields)
    places = {field: place for field, each in found.items() for place in each}
    for given in _batches(stream, list(places.values())):
        yield dict(zip(places, given, strict=True))


def check_rows(name: str, corpus: Corpus, rows: int, folder: Path) -> None:
    """DataError for another number of rows than declared."""
    if corpus.rows not in (None, rows):
        raise DataError(f"{name}: {rows} rows in {folder}, expected {corpus.rows}; fetch it again")


def data_files(corpus: Corpus, folder: Path) -> list[Path]:
    """The data files of a corpus that is fetched, in order; those of a dataset of the hub by their paths."""
    if corpus.dataset is None:
        return corpus.paths(folder)
    found = sorted(path for path in (folder / DATASET).rglob("*") if path.is_file())
    if not found:
        raise DataError(f"{folder / DATASET}: no data files; fetch them (dvc repro)")
    return found


def find_columns(path: Path, corpus: Corpus, fields: Sequence[str]) -> tuple[Stream, dict[str, list[int]]]:
    """A data file, open, and the places of each field; DataError, with the columns there are, for one that is missing.

    A declared name counts as it is written. Several columns are one field only where the shape has negatives.
    """
    named = not any(isinstance(column, int) for column in corpus.declared(fields))
    stream = opened(path, header=named, columns=tuple(fields) != FIELDS["texts"])
    return stream, {field: _places(field, corpus, stream) for field in fields}


def _batches(stream: Stream, places: Sequence[int]) -> Iterator[list[Values]]:
    first = 1
    for table in stream.tables(places):
        yield [_values(stream, *each) for each in zip(places, repeat(first), table.columns, strict=False)]
        first += len(table)


def _places(field: str, corpus: Corpus, stream: Stream) -> list[int]:
    given = corpus.columns.get(field)
    if given is not None:
        return [_place(column, stream) for column in (given if isinstance(given, list) else [given])]
    names = [] if isinstance(stream.columns, int) else stream.columns
    called = [name.strip().casefold() for name in names]
    found = [place for place, name in enumerate(called) if re.fullmatch(NAMES[field], name)]
    found = found or [place for place, name in enumerate(called) if name == SHORT.get(field)]
    if not found and field in corpus.optional:
        return []
    if not found or (len(found) > 1 and field != SEVERAL):
        several = " and ".join(names[place] for place in found)
        fault = f"{several} could each be the {field}" if found else f"no column is named {field}"
        raise DataError(f"{stream.label}: {fault}; name it under columns.{field}; {_there_are(stream)}")
    return found


def _place(column: str | int, stream: Stream) -> int:
    if isinstance(stream.columns, int) or isinstance(column, int):
        width = stream.columns if isinstance(stream.columns, int) else len(stream.columns)
        if not isinstance(column, int) or column >= width:
            raise DataError(f"{stream.label}: no column {column}; its first row has {width}, counted from 0")
        return column
    count = list(stream.columns).count(column)
    if count != 1:
        fault = f"no column {column!r}" if not count else f"{count} columns are named {column!r}"
        raise DataError(f"{stream.label}: {fault}; {_there_are(stream)}")
    return list(stream.columns).index(column)


def _there_are(stream: Stream) -> str:
    names = [] if isinstance(stream.columns, int) else stream.columns
    return f"the file has {', '.join(map(repr, names)) or 'no columns'}"[:1000]


def _values(stream: Stream, place: int, first: int, column: pa.ChunkedArray) -> Values:
    name = str(place) if isinstance(stream.columns, int) else stream.columns[place]
    try:
        return Values(stream.label, name, first, values(column, stream.names.get(place)))
    except UnicodeDecodeError as error:  # Arrow lets any bytes be text
        row = first + next(row for row, value in enumerate(column) if not _is_utf8(value))
        fault = f"{error.object[error.start : error.end]!r} is not UTF-8; write the file in UTF-8"
        raise DataError(f"{stream.label}, row {row}, column {name}: {fault}") from error


def _is_utf8(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return False
    return True


def _kept(corpus: Corpus, given: Sequence[Values], counts: Counter[str]) -> list[list[Any]]:
    """The columns of the shape, without the rows that are left out, which are counted."""
    kind = corpus.kind
    if kind in ("pairs", "triplets"):
        return _tuples(given, counts)
    found = [texts(column) for column in (given[:2] if kind in MARKED else given)]
    rows = [row for row, each in enumerate(zip(*found, strict=True)) if all(each)]
    counts["read"] += len(found[0])
    counts["empty_sentence"] += len(found[0]) - len(rows)
    last: list[list[Any]] = []
    if kind == "nli":
        meant = dict(zip(rows, labels(given[2], corpus.labels or MEANT, rows), strict=True))
        rows = [row for row in rows if meant[row]]
        counts["no_label"] += len(meant) - len(rows)
        last = [[meant[row] for row in rows]]
    elif kind in MARKED:
        last = [_scores(given[2], corpus.scale, rows) if kind == "scored" else classes(given[2], rows)]
    return [[column[row] for row in rows] for column in found] + last


def _tuples(given: Sequence[Values], counts: Counter[str]) -> list[list[Any]]:
    """Anchor, positive and negatives; each text of a list of positives gives a row of its own."""
    anchors: list[str] = []
    positives: list[str] = []
    negatives: list[Sequence[str]] = []
    empty = 0
    for anchor, near, *far in zip(texts(given[0]), *map(listed, given[1:]), strict=True):
        others = tuple(chain(*far))
        whole = near and anchor and all(near) and all(others)
        empty += not whole
        for positive in near if whole else ():
            anchors.append(anchor)
            positives.append(positive)
            negatives.append(others)
    counts.update(read=len(given[0].values), empty_sentence=empty)
    return [anchors, positives, negatives]


def _scores(column: Values, scale: Sequence[float], rows: Sequence[int]) -> list[float]:
    """The scores of `rows`, from 0 to 1."""
    low, high = scale
    return [(score - low) / (high - low) for score in numbers(column, rows, scale)]
