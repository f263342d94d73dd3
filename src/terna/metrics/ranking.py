"""How well relevant documents are found: nDCG@10, MRR@10 and recall, from the exact ranks of the relevant ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from terna.arrays import Bools, Floats, Ints, Vectors
from terna.errors import DataError
from terna.metrics.similarity import unit
from terna.metrics.task import Outcomes
from terna.sentences import fold

# the similarity of some queries, by their places, to the documents of a slice: (queries, documents), float32
Scorer = Callable[[Ints, slice], Vectors]
# documents, and relevant pairs, that are compared at a time: 32 MiB in float64
DOCUMENTS, PAIRS = 4096, 1024
DEPTH = 10
RECALLS = (10, 100)


@dataclass(frozen=True)
class Ranking:
    """Queries, and clusters (q,) of queries that are drawn together. Outcomes are what `by_query` gives, (q, 4)."""

    clusters: Ints
    kinds: ClassVar[tuple[str, ...]] = ("ndcg@10", "mrr@10", "recall@10", "recall@100")

    @classmethod
    def of(cls, queries: Sequence[str]) -> "Ranking":
        """Of queries, of which those with equal texts, after `fold`, are drawn together."""
        folded = [fold(query) for query in queries]
        numbers = {query: number for number, query in enumerate(dict.fromkeys(folded))}
        return cls(np.array([numbers[query] for query in folded], np.int64))

    def checked(self, outcomes: Outcomes) -> dict[str, Floats]:
        """The outcomes in float64; DataError for another number of them than of queries."""
        for name, values in outcomes.items():
            if values.shape != (len(self.clusters), len(self.kinds)):
                raise DataError(f"{name}: figures of shape {values.shape} for {len(self.clusters)} queries")
        return {name: np.asarray(values, np.float64) for name, values in outcomes.items()}

    def weighted(self, outcomes: Outcomes, counts: Floats) -> dict[str, Floats]:
        """`<name>_<kind>`: the mean over the queries."""
        drawn = counts.sum(axis=0)
        means = {name: values.T @ counts / drawn for name, values in outcomes.items()}
        return {
            f"{name}_{kind}": found
            for name, rows in means.items()
            for kind, found in zip(self.kinds, rows, strict=True)
        }

    def part(self, rows: Bools) -> "Ranking":
        """The task on some of the queries."""
        return Ranking(self.clusters[rows])

    def parametric(self, first: Floats, second: Floats, kind: str) -> float:
        """None is known."""
        return float("nan")


def ranks(score: Scorer, query: Ints, document: Ints, documents: int) -> Ints:
    """The rank of each relevant document in the search of its query through all documents, from 1, (r,).

    query, document: (r,), the relevant pairs by their places, sorted by query. Of equally similar documents the one
    that comes first among the documents ranks first. Nothing is approximated, and no more than DOCUMENTS times PAIRS
    similarities are held at a time. Raises DataError for a similarity that is not finite.
    """
    own = np.zeros(len(query), np.float32)
    ahead = np.zeros(len(query), np.int64)
    blocks = [slice(start, min(start + DOCUMENTS, documents)) for start in range(0, documents, DOCUMENTS)]
    parts = [slice(start, start + PAIRS) for start in range(0, len(query), PAIRS)]
    for count in (_own, _ahead):  # what is counted has to be known first
        for block in blocks:
            for part in parts:
                queries, row = np.unique(query[part], return_inverse=True)
                scores = score(queries, block)
                if not np.isfinite(scores).all():
                    raise DataError("similarities that are not finite; did the model diverge?")
                count(scores[row], document[part] - block.start, own[part], ahead[part])
    return ahead + 1


def by_query(ranks: Ints, query: Ints, gain: Floats, queries: int) -> Floats:
    """nDCG@10, MRR@10, recall@10 and recall@100 of each query, (queries, 4).

    ranks: (r,), from 1, of the relevant documents; query, gain: (r,), whose they are and how relevant. Each query has
    one or more. The gain is discounted by log2(rank + 1).
    Source: Järvelin & Kekäläinen, Cumulated Gain-based Evaluation of IR Techniques, 2002, with the discount of
    trec_eval.
    """
    found = np.bincount(query, gain / np.log2(ranks + 1) * (ranks <= DEPTH), queries)
    # the best order: each query's gains from the highest
    order = np.lexsort([-gain, query])
    best = np.arange(len(query)) - np.searchsorted(query[order], query[order]) + 1
    ideal = np.bincount(query[order], gain[order] / np.log2(best + 1) * (best <= DEPTH), queries)
    first = np.full(queries, np.inf)
    np.minimum.at(first, query, ranks)
    relevant = np.bincount(query, minlength=queries)
    recalls = [np.bincount(query, ranks <= depth, queries) / relevant for depth in RECALLS]
    return np.column_stack([found / ideal, np.where(first <= DEPTH, 1 / first, 0), *recalls])


def nearest(queries: ArrayLike, documents: ArrayLike, measure: str) -> Scorer:
    """The similarities of vectors (q, d) and (n, d), of any real type: `cosine` or `dot`.

    They are computed in float64 and rounded to float32, so that equal documents are equally similar wherever they lie.
    """
    left, right = np.asarray(queries), np.asarray(documents)

    def score(rows: Ints, columns: slice) -> Vectors:
        one, other = left[rows].astype(np.float64), right[columns].astype(np.float64)
        if measure == "cosine":
            one, other = unit(one), unit(other)
        return (one @ other.T).astype(np.float32)

    return score


def _own(scores: Vectors, document: Ints, own: Vectors, ahead: Ints) -> None:
    """Keep the similarities of the relevant documents of a block."""
    here = np.flatnonzero((document >= 0) & (document < scores.shape[1]))
    own[here] = scores[here, document[here]]


def _ahead(scores: Vectors, document: Ints, own: Vectors, ahead: Ints) -> None:
    """Count the documents of a block that rank before the relevant ones."""
    place = np.arange(scores.shape[1])
    before = (scores > own[:, None]) | ((scores == own[:, None]) & (place < document[:, None]))
    # a product in another block of pairs may differ in its last bit
    before &= place != document[:, None]
    ahead += before.sum(axis=1)
