"""Benchmarks of queries that are to find documents."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from terna.arrays import Bools, Floats, Ints
from terna.data.corpora.columns import check_rows, data_files, read_fields
from terna.data.corpora.values import Values, filled, numbers, texts, words
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
    """A ranking whose files lie in `folder`; DataError, with file, row and column, for what is malformed."""
    paths = data_files(declared, folder)
    documents, queries, judged = (_three_files if len(declared.fields) > 1 else _pairs)(paths, declared)
    if not documents:
        raise DataError(f"{name}: no document in {folder}; is it the right file?")
    check_rows(name, declared, len(judged), folder)
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


def _pairs(paths: Sequence[Path], declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """A row a pair of query and document, which are relevant to each other unless a score says 0."""
    documents: dict[str, str] = {}
    queries: dict[str, str] = {}
    judged: Judged = []
    for columns in (each for path in paths for each in read_fields(path, declared, declared.fields[0])):
        texts = filled(columns["query"]), filled(columns["document"])
        for query, document, gain in zip(*texts, _gains(columns), strict=True):
            queries.setdefault(fold(query), query)
            documents.setdefault(fold(document), document)
            judged.append((fold(query), fold(document), gain))
    return documents, queries, judged


def _three_files(paths: Sequence[Path], declared: Benchmark) -> tuple[dict[str, str], dict[str, str], Judged]:
    """Documents, queries, and which are relevant, as BEIR has them."""
    files = list(zip(paths, declared.fields, strict=True))
    documents, queries = (dict(_identified(path, declared, fields)) for path, fields in files[:2])
    judged: Judged = []
    for columns in read_fields(paths[2], declared, declared.fields[2]):
        asked = _ids(columns["query"], queries, paths[1])
        judged += zip(asked, _ids(columns["document"], documents, paths[0]), _gains(columns), strict=True)
    return documents, {key: queries[key] for key in dict.fromkeys(query for query, _, _ in judged)}, judged


def _identified(path: Path, declared: Benchmark, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each id with its text, after its title where there is one; DataError for an id that comes twice."""
    seen: set[str] = set()
    for columns in read_fields(path, declared, fields):
        keys = words(columns["id"], range(len(columns["id"].values)))
        for row, (key, text) in enumerate(zip(keys, _entitled(columns), strict=True)):
            if key in seen:
                raise columns["id"].refused(row, "an id that no row before has")
            seen.add(key)
            yield key, text


def _entitled(columns: Mapping[str, Values]) -> list[str]:
    """The texts, after their titles; a text may be empty where there is a title."""
    if "title" not in columns:
        return filled(columns["text"])
    titles = replace(columns["title"], values=[title or "" for title in columns["title"].values])
    own = replace(columns["text"], values=[text or "" for text in columns["text"].values])
    joined = [f"{title} {text}".strip() for title, text in zip(texts(titles), texts(own), strict=True)]
    return filled(replace(own, values=joined))


def _ids(column: Values, known: Collection[str], path: Path) -> list[str]:
    """Ids that stand in another file; DataError for one that does not."""
    found = words(column, range(len(column.values)))
    if unknown := [row for row, key in enumerate(found) if key not in known]:
        raise column.refused(unknown[0], f"an id of {path.name}")
    return found


def _gains(columns: Mapping[str, Values]) -> list[float]:
    """How relevant each row's document is; without a score, it is."""
    rows = range(len(columns["query"].values))
    return numbers(columns["score"], rows) if "score" in columns else [1.0] * len(rows)
