"""The lines nearest to each query, of a corpus that goes by chunk after chunk: exact, whatever its length."""

import sys
from collections.abc import Iterable, Sequence

import numpy as np
from tqdm import tqdm

from terna.arrays import Floats, Ints, Vectors
from terna.metrics.similarity import crosswise, pairwise
from terna.serving.cli.encoding import EncodeAll, Encoded

# queries whose products with a chunk are held at once, and pairs that are compared in float64
QUERIES, PAIRS = 256, 4096


class Nearest:
    """The `count` lines that are nearest to a query (d,): scores (k,), falling, of equals the first line first."""

    def __init__(self, query: Vectors, count: int, measure: str) -> None:
        self.query = query
        self.count = count
        self.measure = measure
        self.scores: Floats = np.empty(0)
        self.lines: Ints = np.empty(0, np.int64)
        self.texts: list[str] = []

    def add(self, texts: Sequence[str], lines: Ints, vectors: Vectors, near: Floats, error: float) -> None:
        """Take in texts (n,), their lines (n,) and vectors (n, d); near: their scores, off by no more than `error`."""
        hopeful = self._hopeful(near, error)
        if not len(hopeful):
            return
        scores = np.concatenate([self.scores, self._exact(vectors, hopeful)])
        every = np.concatenate([self.lines, lines[hopeful]])
        words = [*self.texts, *(texts[row] for row in hopeful.tolist())]
        best = np.lexsort((every, -scores))[: self.count]
        self.scores, self.lines = scores[best], every[best]
        self.texts = [words[row] for row in best.tolist()]

    def _hopeful(self, near: Floats, error: float) -> Ints:
        """The rows that can be among the nearest."""
        if len(self.scores) == self.count:
            rows = np.flatnonzero(near >= self.scores[-1] - error)
        else:
            rows = np.arange(len(near))
        if len(rows) > self.count:
            lowest = np.partition(near[rows], -self.count)[-self.count]
            rows = rows[near[rows] >= lowest - 2 * error]
        return rows

    def _exact(self, vectors: Vectors, rows: Ints) -> Floats:
        parts = [vectors[rows[first : first + PAIRS]] for first in range(0, len(rows), PAIRS)]
        return np.concatenate([pairwise(np.tile(self.query, (len(part), 1)), part)[self.measure] for part in parts])


def nearest(queries: Vectors, corpus: Iterable[Encoded], count: int, measure: str) -> tuple[list[Nearest], int]:
    """The lines of `corpus` nearest to each of queries (q, d), of those with a text; and how many lines there are."""
    found, place = [Nearest(query, count, measure) for query in queries], 0
    for texts, vectors in corpus:
        known = np.flatnonzero([text is not None for text in texts])
        words = [text for text in texts if text is not None]
        take_in(found, words, place + known, vectors[known])
        place += len(texts)
    return found, place


def take_in(found: Sequence[Nearest], texts: Sequence[str], lines: Ints, vectors: Vectors) -> None:
    """Add texts (n,) with their lines (n,) and vectors (n, d) to what was found for each query."""
    for first in range(0, len(found), QUERIES):
        some = found[first : first + QUERIES]
        near, errors = crosswise(np.stack([one.query for one in some]), vectors, some[0].measure)
        for one, scores, error in zip(some, near, errors, strict=True):
            one.add(texts, lines, vectors, scores, float(error))


def rescored(found: Sequence[Nearest], queries: Vectors, count: int, encode: EncodeAll, size: int) -> list[Nearest]:
    """The `count` nearest of what was found, by queries (q, d) and vectors of its texts, encoded `size` at a time."""
    texts = list(dict.fromkeys(text for one in found for text in one.texts))
    row = {text: place for place, text in enumerate(texts)}
    parts = [texts[first : first + size] for first in range(0, len(texts), size)]
    bar = tqdm(encode(parts), total=len(parts), unit=" chunks", disable=not sys.stderr.isatty())
    vectors = np.concatenate(list(bar))
    again = [Nearest(query, count, one.measure) for query, one in zip(queries, found, strict=True)]
    for before, one in zip(found, again, strict=True):
        take_in([one], before.texts, before.lines, vectors[[row[text] for text in before.texts]])
    return again
