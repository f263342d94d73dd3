"""Benchmarks of every task, from the declared files to tables."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from terna.arrays import Bools, Ints
from terna.data.corpora.columns import check_rows, data_files, read_fields
from terna.data.corpora.documents import read_held_out
from terna.data.corpora.search import Search, read_search
from terna.data.corpora.split import first_part, linked
from terna.data.corpora.sts import read_sts
from terna.data.corpora.values import Values, filled, meanings, numbers
from terna.errors import DataError
from terna.records import SCORED, sentences_of
from terna.sentences import fold
from terna.settings import Benchmark, Evaluate, Split
from terna.settings.benchmark import UNITS

# what classes mean where no label is declared
MEANT: Mapping[str, int] = {"1": 1, "0": 0, "true": 1, "false": 0, "yes": 1, "no": 0, "sí": 1, "si": 1}

# of what a split asks for, the share that each part is to have
LEAST = 0.25
# what is said where the pairs have no two golds
ALIKE: Mapping[str, tuple[str, str]] = {
    "binary": ("is labelled", "both labels are needed"),
    "sts": ("has the score", "a correlation needs two"),
}


def read_benchmark(name: str, evaluate: Evaluate, raw: Path) -> pa.Table | Search:
    """A benchmark whose files lie in raw/<name>: a SCORED table, with gold 1 or 0 for binary labels, or a Search.

    One that shares its files with another is the part that its role says. Raises DataError, with file and row, for
    what is malformed, and where there are too few pairs or queries for a figure.
    """
    declared, folder = evaluate.benchmarks[name], raw / name
    if declared.task == "ranking":
        found = (read_held_out if declared.is_held_out else read_search)(name, declared, folder)
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
    if len(set(table["gold"].to_pylist())) < 2:
        alike, needed = ALIKE[declared.task]
        raise DataError(
            f"{name}: each of its {len(table)} pairs in {folder} {alike} {table['gold'][0].as_py():g}; {needed}"
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
    count, linked_most = len(clusters), int(np.bincount(clusters).max())
    if min(first.sum() / rule.share, (~first).sum() / (1 - rule.share)) < LEAST * count:
        most = f"all {count}" if linked_most == count else f"{linked_most} of {count}"
        raise DataError(
            f"{name}: {most} {UNITS[declared.task]} of its file are linked by what they share, so it cannot be split; "
            "give a second file, and set split to null"
        )
    return first if declared.role == "development" else ~first


def _pairs(name: str, declared: Benchmark, folder: Path) -> pa.Table:
    """A SCORED table of pairs in columns; of a dataset of the hub all files are one."""
    parts = [SCORED.empty_table()]
    for path in data_files(declared, folder):
        file = name if declared.dataset else path.stem
        for columns in read_fields(path, declared, declared.fields[0]):
            first, second, gold = columns.values()
            rows = range(len(gold.values))
            lines = range(first.first, first.first + len(rows))
            found = [[file] * len(rows), lines, filled(first), filled(second), _gold(declared, gold, rows)]
            arrays = [pa.array(column, kind) for column, kind in zip(found, SCORED.types, strict=True)]
            parts.append(pa.table(arrays, schema=SCORED))
    table = pa.concat_tables(parts)
    if not len(table):
        raise DataError(f"{name}: no pair in {folder}; is it the right file?")
    check_rows(name, declared, len(table), folder)
    return table


def _gold(declared: Benchmark, column: Values, rows: range) -> list[float]:
    """Scores on the declared scale, or 1 and 0 for classes."""
    if declared.task == "sts":
        return numbers(column, rows, declared.scale)
    meant = declared.labels or MEANT
    return [float(value) for value in meanings(column, meant, rows, f"{', '.join(meant)}, see labels")]
