"""Benchmarks of queries that are to find documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from terna.arrays import Bools, Floats, Ints
from terna.data.corpora import values
from terna.data.corpora.tables import read_columns
from terna.errors import DataError
from terna.sentences import fold
from terna.settings import Benchmark

# ids of a query and of a document, and how relevant it is
Judged = list[tuple[str, str, float]]


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


def read_search(name: str, declared: Benchmark, folder: Path) -> Search:
    """A ranking whose files lie in `folder`; DataError, with file and row, for what is malformed."""
    paths = declared.paths(folder)
    one_file = len(paths) == 1
    documents, queries, judged = _one_file(paths[0], declared) if one_file else _three_files(paths, declared)
    if not documents:
        raise DataError(f"{name}: no document in {folder}")
    values.complete(name, declared, len(judged), folder)
    places = {key: place for place, key in enumerate(documents)}
    relevant: dict[str, dict[int, float]] = {query: {} for query in queries}
    gains: dict[tuple[str, str], float] = {}
    for query, document, gain in judged:
        if gains.setdefault((query, document), gain) != gain:
            raise DataError(f"{name}: {document!r} has two scores for {query!r} in {folder}; drop one of the rows")
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


def _one_file(path: Path, declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """A row a pair of query and document, which are relevant to each other unless a score says 0."""
    documents: dict[str, str] = {}
    queries: dict[str, str] = {}
    judged: Judged = []
    for where, row in read_columns(
        path, values.columns(declared, "query", "document", "score"), values.optional(declared)
    ):
        query, document = values.text(row, "query", where), values.text(row, "document", where)
        queries.setdefault(fold(query), query)
        documents.setdefault(fold(document), document)
        judged.append((fold(query), fold(document), values.gain(row, where)))
    return documents, queries, judged


def _three_files(paths: Sequence[Path], declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """Documents, queries, and which are relevant, as BEIR has them."""
    documents = dict(_identified(paths[0], declared, "id", "title", "text"))
    queries = dict(_identified(paths[1], declared, "id", "text"))
    judged: Judged = []
    for where, row in read_columns(
        paths[2], values.columns(declared, "query", "document", "score"), values.optional(declared)
    ):
        query, document = values.key(row, "query", where), values.key(row, "document", where)
        for key, known, path in ((query, queries, paths[1]), (document, documents, paths[0])):
            if key not in known:
                raise DataError(f"{where}: {key!r} is no id in {path.name}; mend or drop the row")
        judged.append((query, document, values.gain(row, where)))
    return documents, {key: queries[key] for key in dict.fromkeys(query for query, _, _ in judged)}, judged


def _identified(path: Path, declared: Benchmark, *keys: str) -> Iterator[tuple[str, str]]:
    """Each id with its text, after its title where there is one; DataError for an id that comes twice."""
    seen: set[str] = set()
    for where, row in read_columns(path, values.columns(declared, *keys), values.optional(declared)):
        key = values.key(row, "id", where)
        if key in seen:
            raise DataError(f"{where}: the id {key!r} comes a second time; ids are to differ")
        seen.add(key)
        title = row.get("title") or ""
        yield (
            key,
            f"{values.text(row, 'title', where)} {values.text(row, 'text', where)}"
            if title
            else values.text(row, "text", where),
        )
