"""What words mean, learnt from translated sentences: a word alignment in both directions, and the pairs it agrees on.

Source: IBM Model 1 (Brown et al., The Mathematics of Statistical Machine Translation, 1993) under a prior that favours
the diagonal (Dyer, Chahuneau, Smith: A Simple, Fast, and Effective Reparameterization of IBM Model 2, 2013).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from terna.arrays import Floats, Ints
from terna.records import ALIGNMENT

Sentences = Sequence[Sequence[str]]
ROUNDS = 12
# how steeply the prior falls with the distance from the diagonal, as a share of the sentence's length
STEEP = 4.0
# what the empty word weighs beside a word on the diagonal
NULL = 0.1
# translations that are kept of a word, and the expected count below which a pair is noise
MOST = 5
NOISE = 0.05


class Numbered(NamedTuple):
    """Sentences as numbers of their words, and the words."""

    sentences: Sequence[Ints]
    words: list[str]


def alignment(targets: Sentences, sources: Sentences) -> pa.Table:
    """The translations of each word of `targets`, an ALIGNMENT table; sentence i of one is that of the other.

    `count` is the geometric mean of the expected numbers of alignments in either direction. Sorted by word, the most
    frequent translation first; at most MOST of a word.
    """
    left, right = _numbered(targets), _numbered(sources)
    if not (left.words and right.words):
        return _table([])
    pairs, forth = _expected(left, right)
    turned, back = _expected(right, left)
    words, translations = np.divmod(turned, len(left.words))
    mirrored = translations * len(right.words) + words
    both, ours, theirs = np.intersect1d(pairs, mirrored, assume_unique=True, return_indices=True)
    counts = np.sqrt(forth[ours] * back[theirs])
    rows = [
        (left.words[pair // len(right.words)], right.words[pair % len(right.words)], float(count))
        for pair, count in zip(both.tolist(), counts, strict=True)
        if count > NOISE
    ]
    return _table(rows)


def _table(rows: list[tuple[str, str, float]]) -> pa.Table:
    rows.sort(key=lambda row: (row[0], -row[2], row[1]))
    kept: list[tuple[str, str, float]] = []
    for row in rows:
        if len(kept) < MOST or kept[-MOST][0] != row[0]:
            kept.append(row)
    return pa.table([list(column) for column in zip(*kept, strict=True)] or [[]] * len(ALIGNMENT), schema=ALIGNMENT)


def _numbered(sentences: Sentences) -> Numbered:
    numbers: dict[str, int] = {}
    found = [
        np.fromiter((numbers.setdefault(word, len(numbers)) for word in words), np.int64, len(words))
        for words in sentences
    ]
    return Numbered(found, list(numbers))


def _expected(given: Numbered, made: Numbered) -> tuple[Ints, Floats]:
    """How often each word of `given` makes each word of `made`, in expectation, after ROUNDS of EM.

    Returns the pairs that ever meet, as given · len(made.words) + made, rising, and their counts; the empty word, which
    makes what has no partner, is left out.
    """
    empty, width = len(given.words), len(made.words)
    parts = [_links(one, other, empty) for one, other in zip(given.sentences, made.sentences, strict=True)]
    choices, words, prior, opens = (np.concatenate(column) for column in zip(*parts, strict=True))
    place = np.cumsum(opens) - 1
    pairs, link = np.unique(choices * width + words, return_inverse=True)
    chance: Floats = np.ones(len(pairs))
    counts = chance
    for _ in range(ROUNDS):
        weight = chance[link] * prior
        counts = np.asarray(np.bincount(link, weight / np.bincount(place, weight)[place], len(pairs)), np.float64)
        chance = counts / np.bincount(pairs // width, counts)[pairs // width]
    real = pairs < empty * width
    return pairs[real], counts[real]


def _links(one: Ints, other: Ints, empty: int) -> tuple[Ints, Ints, Floats, Any]:
    """Each word of `other` with each of `one` and the empty word, flat.

    Returns the words of `one`, those of `other`, the prior's weights, and which links are the first of a word's: those
    up to the next compete.
    """
    choices = np.append(one, empty)
    rows, columns = np.arange(len(other)) / max(len(other), 1), np.arange(len(one)) / max(len(one), 1)
    near = np.exp(-STEEP * np.abs(columns - rows[:, None]))
    weight = np.concatenate([near, np.full((len(other), 1), NULL)], axis=1)
    opens = np.arange(weight.size) % len(choices) == 0
    return np.tile(choices, len(other)), np.repeat(other, len(choices)), weight.ravel(), opens
