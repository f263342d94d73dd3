"""Known texts by their rarest n-grams, and which of them a text is near: none is missed.

Two sets with a Jaccard index of at least t share at least t times the larger one, c members. So when both are sorted
alike, the first m members that they share, m <= c, stand among the first n - c + m of each set of n. Sorted from the
n-gram that is rarest in the known texts, few sets meet there m times, and the members of these alone are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from terna.arrays import Bools, Ints
from terna.data.contamination import ngrams
from terna.data.contamination.ngrams import Alphabet

# m above: with more, more of each set is looked at, and fewer sets meet
MEETINGS = 4
# pairs of texts whose shared n-grams are counted at once
PAIRS = 1 << 16
# an odd number: multiplied by it, numbers that lie close together spread over all bits
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
# slots a known n-gram, so that few share one
_SLOTS = 32


@dataclass(frozen=True)
class Runs:
    """Integers in runs, one after another: run i is `items` from `starts[i]` on, `sizes[i]` of them."""

    items: Ints
    sizes: Ints
    starts: Ints

    @classmethod
    def of(cls, owners: Ints, items: Ints, runs: int) -> "Runs":
        """A run an owner from 0 to `runs`, its items in their order."""
        sizes = np.bincount(owners, minlength=runs)
        return cls(items[np.argsort(owners, kind="stable")], sizes, np.cumsum(sizes) - sizes)

    def of_all(self, runs: Ints) -> tuple[Ints, Ints]:
        """The items of the given runs, one after another, and for each the place of its run in `runs`."""
        sizes = self.sizes[runs]
        place = np.repeat(np.arange(len(runs)), sizes)
        firsts = np.cumsum(sizes) - sizes
        return self.items[np.arange(len(place)) + (self.starts[runs] - firsts)[place]], place


@dataclass(frozen=True)
class Index:
    """The n-grams of the known texts, ranked from the rarest, and who has them.

    known (k,): their numbers, sorted; ranks (k,): the rank of each; slots (a power of 2,): the place among them of one
    that has the slot, or -1. sets: each text's ranks, rising. heads: the texts that have a rank among their first.
    """

    alphabet: Alphabet
    limit: float
    known: Ints
    ranks: Ints
    slots: Ints
    sets: Runs
    heads: Runs

    @classmethod
    def of(cls, texts: Sequence[str], limit: float) -> "Index":
        """The index of at least one normalised text."""
        alphabet = Alphabet.of(texts)
        row, number = _sets(alphabet, texts)
        known, places, counts = np.unique(number, return_inverse=True, return_counts=True)
        ranks = np.argsort(np.argsort(counts, kind="stable"), kind="stable")
        row, rank = np.divmod(np.sort(row * len(known) + ranks[places]), len(known))
        sets = Runs.of(row, rank, len(texts))
        head = _head(row, sets.sizes, limit)
        slots = np.full(1 << (_SLOTS * len(known)).bit_length(), -1, np.int32)
        slots[_slot(known, len(slots))] = np.arange(len(known))
        return cls(alphabet, limit, known, ranks, slots, sets, Runs.of(rank[head], row[head], len(known)))

    def near(self, texts: pa.Array) -> Ints:
        """(m, 2): which of at most CHUNK normalised texts is near which known text, by place, sorted; a few are not."""
        row, number = self.alphabet.sets(texts)
        rank, sizes = self._rank(number), np.bincount(row, minlength=len(texts))
        common = np.bincount(row[rank > 0], minlength=len(texts))
        kept = (common / np.maximum(sizes, 1) >= self.limit)[row]
        keys = np.sort(row[kept] * self._width + rank[kept])
        pairs = self._met(keys, sizes)
        parts = (pairs[first : first + PAIRS] for first in range(0, len(pairs), PAIRS))
        return np.concatenate([pairs[:0], *(self._alike(part, keys, sizes) for part in parts)])

    @property
    def _width(self) -> int:
        return len(self.known) + 1

    def _rank(self, number: Ints) -> Ints:
        """One above each n-gram's rank, 0 where it is not known."""
        place = self.slots[_slot(number, len(self.slots))].astype(np.int64)
        # the slot may be that of two, and hold the other
        other = np.flatnonzero((place >= 0) & (self.known[place] != number))
        nearest = np.minimum(np.searchsorted(self.known, number[other]), len(self.known) - 1)
        place[other] = np.where(self.known[nearest] == number[other], nearest, -1)
        return np.where(place >= 0, self.ranks[place] + 1, 0)

    def _met(self, keys: Ints, sizes: Ints) -> Ints:
        """(m, 2): texts and known texts of fitting size that meet often enough among their first n-grams."""
        row, rank = np.divmod(keys, self._width)
        first = (rank > 0) & _head(row, sizes, self.limit)
        text, place = self.heads.of_all(rank[first] - 1)
        pairs = np.sort(row[first][place] * len(self.sets.sizes) + text)
        begins = np.flatnonzero(np.diff(pairs, prepend=-1))
        met = np.diff(begins, append=len(pairs))
        row, text = np.divmod(pairs[begins], len(self.sets.sizes))
        small, large = np.sort([sizes[row], self.sets.sizes[text]], axis=0)
        fits = (small / large >= self.limit) & (met >= np.minimum(MEETINGS, _needed(large, self.limit)))
        return np.stack([row[fits], text[fits]], axis=1)

    def _alike(self, pairs: Ints, keys: Ints, sizes: Ints) -> Ints:
        """Those pairs that share enough n-grams, by their numbers."""
        row, text = pairs.T
        rank, pair = self.sets.of_all(text)
        wanted = row[pair] * self._width + rank + 1
        found = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
        shared = np.bincount(pair[found], minlength=len(pairs))
        return np.asarray(pairs[shared / (sizes[row] + self.sets.sizes[text] - shared) >= self.limit])


def _sets(alphabet: Alphabet, texts: Sequence[str]) -> tuple[Ints, Ints]:
    """The distinct n-grams of any number of texts: text and number, (m,) each."""
    parts = []
    for first in range(0, len(texts), ngrams.CHUNK):
        row, number = alphabet.sets(pa.array(texts[first : first + ngrams.CHUNK], pa.string()))
        parts.append((row + first, number))
    rows, numbers = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(numbers)


def _needed(sizes: Ints, limit: float) -> Ints:
    """How many members of a set another must share at least."""
    needed = np.floor(limit * sizes)
    # the product is rounded; the quotient is what is compared
    return np.asarray(needed + (needed / np.maximum(sizes, 1) < limit), np.int64)


def _head(row: Ints, sizes: Ints, limit: float) -> Bools:
    """Which members are among the first of their set, for sets one after another; `sizes` is of all sets."""
    counts = np.bincount(row, minlength=len(sizes))
    place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    return np.asarray(place < (sizes - _needed(sizes, limit) + MEETINGS)[row])


def _slot(number: Ints, slots: int) -> Ints:
    """A slot for each n-gram, out of a power of 2."""
    return np.asarray(number.astype(np.uint64) * _SPREAD >> np.uint64(65 - slots.bit_length()), np.int64)
