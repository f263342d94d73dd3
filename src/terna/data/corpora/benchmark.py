"""Benchmarks of every task, from the declared files to tables."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from terna.arrays import Bools, Floats, Ints
from terna.data.corpora.own import UNFIT, UNFIT_FOUND
from terna.data.corpora.split import first_part, linked
from terna.data.corpora.sts import NUMBER, read_sts
from terna.data.corpora.tables import Columns, read_columns
from terna.errors import DataError
from terna.records import SCORED, sentences_of
from terna.sentences import fold
from terna.settings import Benchmark, Evaluate, Split
from terna.settings.benchmark import COLUMNS

# the columns that a table may lack
OPTIONAL = ("title", "score")
# what says whether a pair is one of the same meaning
LABELS = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "sí": 1.0, "si": 1.0}


@dataclass(frozen=True)
class Search:
    """Queries, documents and which are relevant to which.

    queries, documents: texts, each once. query, document: (r,), places of the relevant pairs, by query. gain: (r,), how
    relevant, above 0. left_out: queries without a relevant document.
    """

    queries: list[str]
    documents: list[str]
    query: Ints
    document: Ints
    gain: Floats
    left_out: int

    def part(self, chosen: Bools) -> "Search":
        """The chosen queries; all documents stay, to be searched."""
        rows = chosen[self.query]
        numbers = np.cumsum(chosen) - 1
        queries = [query for query, own in zip(self.queries, chosen, strict=True) if own]
        return replace(
            self,
            queries=queries,
            query=numbers[self.query[rows]],
            document=self.document[rows],
            gain=self.gain[rows],
        )


def read_benchmark(name: str, evaluate: Evaluate, raw: Path) -> pa.Table | Search:
    """A benchmark whose files lie in raw/<name>: a SCORED table, with gold 1 or 0 for binary labels, or a Search.

    One that shares its files with another is the part that its role says. Raises DataError, with file and row, for
    what is malformed, and where there are too few pairs or queries for a figure.
    """
    declared, folder = evaluate.benchmarks[name], raw / name
    if declared.task == "ranking":
        found = _search(name, declared, folder)
        part = _searched_part(name, found, declared) if evaluate.partner_of(name) else found
        if len(part.queries) < 2:
            raise DataError(
                f"{name}: {len(part.queries)} queries with a relevant document in {folder}; at least 2 are needed"
            )
        return part
    table = _pairs(name, declared, folder) if declared.format == "columns" else read_sts(name, declared, folder)
    if evaluate.partner_of(name):
        table = _part(name, table, declared)
    _sufficient(name, declared, table, folder)
    return table


def benchmark_sentences(evaluate: Evaluate, raw: Path) -> dict[str, list[str]]:
    """The sentences of each benchmark, whose files lie in raw/<name>: never its scores."""
    return {name: _sentences(read_benchmark(name, evaluate, raw)) for name in evaluate.benchmarks}


def _sentences(found: pa.Table | Search) -> list[str]:
    if isinstance(found, Search):
        return [*found.queries, *found.documents]
    first, second = sentences_of(found)
    return [*first, *second]


def _sufficient(name: str, declared: Benchmark, table: pa.Table, folder: Path) -> None:
    """Raise DataError where a figure would be undefined."""
    for file, pairs in Counter(table["file"].to_pylist()).items():
        if pairs < 2:
            raise DataError(f"{name}: {file} has one pair here, and a figure needs at least 2; add pairs")
    if len(table) < 2:
        raise DataError(f"{name}: {len(table)} pairs in {folder}; at least 2 are needed")
    if declared.task == "binary" and len(set(table["gold"].to_pylist())) < 2:
        raise DataError(
            f"{name}: every pair of {folder} is labelled {table['gold'][0].as_py():g}; both labels are needed"
        )


def _part(name: str, table: pa.Table, declared: Benchmark) -> pa.Table:
    first, second = ([fold(text) for text in side] for side in sentences_of(table))
    return table.filter(pa.array(_chosen(name, linked(first, second), declared)))


def _searched_part(name: str, found: Search, declared: Benchmark) -> Search:
    """Queries that share a relevant document, or linked by others that do, stay together."""
    ends = [
        [("query", fold(found.queries[place])) for place in found.query],
        [("document", place) for place in found.document],
    ]
    clusters = np.zeros(len(found.queries), np.int64)
    clusters[found.query] = linked(*ends)
    return found.part(_chosen(name, clusters, declared))


def _chosen(name: str, clusters: Ints, declared: Benchmark) -> Bools:
    """The units of the part that a benchmark's role says."""
    rule = declared.split or Split()
    first = first_part(clusters, rule.share, rule.seed)
    if first.all() or not first.any():
        raise DataError(
            f"{name}: the {len(clusters)} of its file all hang together by what they share, so it cannot be split; give "
            "a second file, and set split to null"
        )
    return first if declared.role == "development" else ~first


def _columns(declared: Benchmark, *keys: str) -> Columns:
    """What the columns of a file are called; of a table without a header, nothing is there that is not declared."""
    given: dict[str, str | int] = {key: name for key, name in (declared.columns or {}).items() if key in keys}
    placed = any(isinstance(place, int) for place in given.values())
    known = [key for key in keys if key in given or not placed or key not in OPTIONAL]
    return {key: (given[key],) if key in given else COLUMNS[declared.task][key] for key in known}


def _optional(declared: Benchmark) -> list[str]:
    """What is declared has to be there."""
    return [key for key in OPTIONAL if key not in (declared.columns or {})]


def _pairs(name: str, declared: Benchmark, folder: Path) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    gold = "label" if declared.task == "binary" else "score"
    columns = _columns(declared, "sentence1", "sentence2", gold)
    for path in declared.paths(folder):
        for number, (where, row) in enumerate(read_columns(path, columns), start=1):
            value = _label(row["label"], where) if gold == "label" else _score(row["score"], declared.scale, where)
            rows.append((path.stem, number, _text(row, "sentence1", where), _text(row, "sentence2", where), value))
    if not rows:
        raise DataError(f"{name}: no pair in {folder}; is it the right file?")
    _complete(name, declared, len(rows), folder)
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=SCORED)


def _search(name: str, declared: Benchmark, folder: Path) -> Search:
    paths = declared.paths(folder)
    one_file = len(paths) == 1
    documents, queries, judged = _one_file(paths[0], declared) if one_file else _three_files(paths, declared)
    if not documents:
        raise DataError(f"{name}: no document in {folder}")
    _complete(name, declared, len(judged), folder)
    places = {key: place for place, key in enumerate(documents)}
    relevant: dict[str, dict[int, float]] = {query: {} for query in queries}
    for query, document, gain in judged:
        if gain > 0:
            relevant[query][places[document]] = gain
    kept = [query for query in queries if relevant[query]]
    rows = [(number, place, gain) for number, query in enumerate(kept) for place, gain in relevant[query].items()]
    pairs = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return Search(
        queries=[queries[key] for key in kept],
        documents=list(documents.values()),
        query=pairs[:, 0],
        document=pairs[:, 1],
        gain=np.array([gain for *_, gain in rows], np.float64),
        left_out=len(queries) - len(kept),
    )


def _complete(name: str, declared: Benchmark, rows: int, folder: Path) -> None:
    if declared.rows not in (None, rows):
        raise DataError(f"{name}: {rows} rows in {folder}, expected {declared.rows}; fetch it anew")


Judged = list[tuple[str, str, float]]


def _one_file(path: Path, declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """A row a pair of query and document, which are relevant to each other unless a score says 0."""
    documents: dict[str, str] = {}
    queries: dict[str, str] = {}
    judged: Judged = []
    for where, row in read_columns(path, _columns(declared, "query", "document", "score"), _optional(declared)):
        query, document = _text(row, "query", where), _text(row, "document", where)
        queries.setdefault(fold(query), query)
        documents.setdefault(fold(document), document)
        judged.append((fold(query), fold(document), _gain(row, where)))
    return documents, queries, judged


def _three_files(paths: Sequence[Path], declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """Documents, queries, and which are relevant, as BEIR has them."""
    documents = dict(_identified(paths[0], declared, "id", "title", "text"))
    queries = dict(_identified(paths[1], declared, "id", "text"))
    judged: Judged = []
    for where, row in read_columns(paths[2], _columns(declared, "query", "document", "score"), _optional(declared)):
        query, document = _key(row, "query", where), _key(row, "document", where)
        for key, known, path in ((query, queries, paths[1]), (document, documents, paths[0])):
            if key not in known:
                raise DataError(f"{where}: {key!r} is no id in {path.name}; mend or drop the row")
        judged.append((query, document, _gain(row, where)))
    return documents, {key: queries[key] for key in dict.fromkeys(query for query, _, _ in judged)}, judged


def _identified(path: Path, declared: Benchmark, *keys: str) -> Iterator[tuple[str, str]]:
    """Each id with its text, after its title where there is one; DataError for an id that comes twice."""
    seen: set[str] = set()
    for where, row in read_columns(path, _columns(declared, *keys), _optional(declared)):
        key = _key(row, "id", where)
        if key in seen:
            raise DataError(f"{where}: the id {key!r} comes a second time; ids are to differ")
        seen.add(key)
        title = row.get("title") or ""
        yield key, f"{_text(row, 'title', where)} {_text(row, 'text', where)}" if title else _text(row, "text", where)


def _key(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise DataError(f"{where}: the {column} is {value!r}; an id is a text or a whole number")
    return str(value).strip()


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row[column]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: the {column} is {value!r}; give a text that is not empty, or drop the row")
    if UNFIT.search(value):
        raise DataError(f"{where}: {UNFIT_FOUND}")
    return value.strip()


def _number(value: Any, column: str, where: str, allowed: str) -> float:
    text = "" if isinstance(value, bool) or not isinstance(value, (str, int, float)) else str(value).strip()
    if not NUMBER.fullmatch(text) or not isfinite(float(text)):
        raise DataError(f"{where}: the {column} is {value!r}; {allowed} is needed (a header is no row: give names)")
    return float(text)


def _score(value: Any, scale: Sequence[float], where: str) -> float:
    allowed = f"a number from {scale[0]:g} to {scale[1]:g}, as `scale` declares,"
    number = _number(value, "score", where, allowed)
    if not scale[0] <= number <= scale[1]:
        raise DataError(f"{where}: the score is {value!r}; {allowed} is needed")
    return number


def _label(value: Any, where: str) -> float:
    label = LABELS.get(str(value).strip().casefold().removesuffix(".0"))
    if label is None:
        raise DataError(f"{where}: the label is {value!r}; allowed are {', '.join(LABELS)}, in any case")
    return label


def _gain(row: Mapping[str, Any], where: str) -> float:
    """How relevant; without a score, relevant."""
    return _number(row["score"], "score", where, "a number") if "score" in row else 1.0
