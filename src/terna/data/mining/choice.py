"""Which of the nearest become negatives, as sentence-transformers' `mine_hard_negatives` chooses."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from terna.arrays import Bools, Ints, Vectors
from terna.data.mining.approximate import Cells
from terna.data.mining.nearest import nearest, similarities, to_unit
from terna.data.mining.rows import Questions
from terna.settings import Mine

# anchors that are searched for at once
BLOCK = 512


@dataclass(frozen=True)
class Search:
    """What is searched for, and among what.

    vectors: (m, d) float32 of length 1, the first `candidates` of them what negatives are chosen from. anchors: (q,)
    their rows in `vectors`. keys: (q,) int64, anchors with one key leave out the same. positives: (q,) float32, the
    similarity that limits are relative to: the lowest of an anchor's positives. left_out: (p,) int64, sorted and
    distinct, key << 32 | candidate for what is never a negative.
    """

    vectors: Vectors
    candidates: int
    anchors: Ints
    keys: Ints
    positives: Vectors
    left_out: Ints

    @classmethod
    def over(cls, vectors: Vectors, candidates: int, asked: Questions) -> "Search":
        """The search for the anchors of `asked` by the vectors of its texts, which are scaled to length 1 in place."""
        to_unit(vectors)
        positives = np.full(len(asked.anchors), np.inf, np.float32)
        pairs = similarities(vectors, asked.anchors[asked.rows], asked.positives)
        np.minimum.at(positives, asked.rows, pairs)
        return cls(vectors, candidates, asked.anchors, asked.keys, positives, asked.left_out)

    @cached_property
    def most_left_out(self) -> int:
        """The most candidates that any one anchor leaves out: so many more are looked at for each."""
        counts = np.unique(self.left_out >> 32, return_counts=True)[1]
        return int(counts.max(initial=0))


def chosen(search: Search, asked: Mine, seed: int, tell: Callable[[int], object] = lambda _: None) -> Ints:
    """(q, negatives): candidates for each anchor, nearest first, or -1 in the whole row where there are too few.

    The same for the same vectors and seed, however often. tell: called with the number of anchors that were searched.
    """
    found = np.full((len(search.anchors), asked.negatives), -1, np.int64)
    most, rng = reach(search, asked), np.random.default_rng(seed)
    candidates = search.vectors[: search.candidates]
    look = Cells(candidates).nearest if asked.search == "faiss" else partial(_exact, candidates)
    for first in range(0, len(search.anchors), BLOCK):
        part = slice(first, first + BLOCK)
        scores, rows = look(search.vectors[search.anchors[part]], most + search.most_left_out)
        scores[_is_left_out(search, search.keys[part], rows)] = -np.inf
        scores[_beyond(scores, search.positives[part, None], asked)] = -np.inf
        places = np.argsort(-scores, axis=1, kind="stable")[:, asked.range_min : most]
        if asked.sampling == "random":
            places = np.take_along_axis(places, _drawn(np.take_along_axis(scores, places, axis=1), rng), axis=1)
        places = np.sort(places[:, : asked.negatives], axis=1)
        enough = np.isfinite(np.take_along_axis(scores, places, axis=1)).all(axis=1, keepdims=True)
        found[part] = np.where(enough, np.take_along_axis(rows, places, axis=1), -1)
        tell(len(places))
    return found


def _exact(candidates: Vectors, queries: Vectors, count: int) -> tuple[Vectors, Ints]:
    return nearest(queries, candidates, count)


def reach(search: Search, asked: Mine) -> int:
    """How many of the nearest are looked at, less what is left out."""
    if asked.range_max is not None:
        return asked.range_max
    limits = (asked.absolute_margin, asked.relative_margin, asked.max_score)
    times = 1 if all(limit is None for limit in limits) else 10
    return asked.range_min + times * asked.negatives + search.most_left_out


def _is_left_out(search: Search, keys: Ints, rows: Ints) -> Bools:
    codes = keys[:, None] << 32 | rows
    places = np.searchsorted(search.left_out, codes)
    there = search.left_out[np.minimum(places, len(search.left_out) - 1)] if len(search.left_out) else -1
    return np.asarray((codes == there) | (rows < 0))


def _beyond(scores: Vectors, positives: Vectors, asked: Mine) -> Bools:
    """Which candidates a limit rules out."""
    out = np.zeros(scores.shape, bool)
    if asked.absolute_margin is not None:
        out |= scores + np.float32(asked.absolute_margin) > positives
    if asked.relative_margin is not None:
        out |= scores > positives - np.abs(positives) * np.float32(asked.relative_margin)
    if asked.max_score is not None:
        out |= scores > np.float32(asked.max_score)
    if asked.min_score is not None:
        out |= scores < np.float32(asked.min_score)
    return out


def _drawn(scores: Vectors, rng: np.random.Generator) -> Ints:
    """(b, m): the places of scores (b, m) in random order, after all others those of what is ruled out."""
    numbers = rng.random(scores.shape)
    numbers[~np.isfinite(scores)] += 1
    return np.argsort(numbers, axis=1, kind="stable")
