"""Benchmarks of every task, from the declared files to tables."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from terna.arrays import Bools, Ints
from terna.data.corpora import values
from terna.data.corpora.search import Search, read_search
from terna.data.corpora.split import first_part, linked
from terna.data.corpora.sts import read_sts
from terna.data.corpora.tables import read_columns
from terna.errors import DataError
from terna.records import SCORED, sentences_of
from terna.sentences import fold
from terna.settings import Benchmark, Evaluate, Split


def read_benchmark(name: str, evaluate: Evaluate, raw: Path) -> pa.Table | Search:
    """A benchmark whose files lie in raw/<name>: a SCORED table, with gold 1 or 0 for binary labels, or a Search.

    One that shares its files with another is the part that its role says. Raises DataError, with file and row, for
    what is malformed, and where there are too few pairs or queries for a figure.
    """
    declared, folder = evaluate.benchmarks[name], raw / name
    if declared.task == "ranking":
        found = read_search(name, declared, folder)
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
            f"{name}: the {len(clusters)} of its file all hang together by what they share, so it cannot be split; "
            "give a second file, and set split to null"
        )
    return first if declared.role == "development" else ~first


def _pairs(name: str, declared: Benchmark, folder: Path) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    gold = "label" if declared.task == "binary" else "score"
    columns = values.columns(declared, "sentence1", "sentence2", gold)
    for path in declared.paths(folder):
        for number, (where, row) in enumerate(read_columns(path, columns), start=1):
            value = (
                values.label(row["label"], where)
                if gold == "label"
                else values.score(row["score"], declared.scale, where)
            )
            rows.append(
                (path.stem, number, values.text(row, "sentence1", where), values.text(row, "sentence2", where), value)
            )
    if not rows:
        raise DataError(f"{name}: no pair in {folder}; is it the right file?")
    values.complete(name, declared, len(rows), folder)
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=SCORED)
