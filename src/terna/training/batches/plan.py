"""The epoch's duplicate-free batches, planned as index arrays before the first step.

A text that occurs twice in a batch would count as a wrong answer to itself. All batches are packed at the same time: a
bound gives their number, and the rows are dealt to them, those of frequent texts first.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from terna.arrays import Floats, Ints
from terna.data.numbering import firsts
from terna.training.batches.bin_packing import Packing

# a key that is in more rows than this share of the batches is a hub: its rows are dealt one after another
_HUB = 1 / 8


@dataclass(frozen=True)
class Plan:
    """The batches of one epoch: `batches` (steps, batch_size) numbers rows of the keys; `unused` rows are in none."""

    batches: Ints
    unused: int

    def __len__(self) -> int:
        return len(self.batches)


def plan(keys: Ints, batch_size: int, seed: int, epoch: int) -> Plan:
    """Batches of `batch_size` rows of keys (n, columns) in which no key occurs twice, over all columns.

    Every batch is full, and a row is in one batch at most; a row that repeats a key within itself is in none. The plan
    is a function of the arguments alone, and of the keys only which are equal counts. The batches are in random order;
    within each, the rows are in the order of dealing from a random place on.
    """
    rng = np.random.default_rng([seed, epoch])
    unlike = [one != other for one, other in combinations(keys.T, 2)] or [np.ones(len(keys), np.bool_)]
    usable = np.flatnonzero(np.logical_and.reduce(unlike))
    rows = _numbered(keys if len(usable) == len(keys) else keys.take(usable, axis=0))
    counts = np.bincount(rows.ravel())
    columns = np.ascontiguousarray(rows.T)
    # signed numbers of as few bytes as do: half the time
    often = counts.astype(np.min_scalar_type(~int(counts.max(initial=0)))).take(columns)
    top, most, second = _most_frequent(columns, often)
    # a bound: no batch has a key twice, be it of all keys or of each row's most frequent one
    steps = min(_most_full(counts, len(columns) * batch_size), _most_full(np.bincount(top), batch_size))
    line = _line(top, most, second, steps, rng)
    batches = usable.take(Packing(rows, len(counts), batch_size, steps, rng).pack(line))
    return Plan(batches, len(keys) - batches.size)


def _numbered(keys: Ints) -> Ints:
    """The keys (n, columns) numbered from 0 on: as they are, less the lowest, where that leaves few numbers out."""
    low = int(keys.min(initial=0))
    if int(keys.max(initial=0)) - low <= 2 * keys.size:
        shifted: Ints = np.ascontiguousarray(keys - low if low else keys)
        return shifted
    numbered: Ints = firsts(keys.ravel()).reshape(keys.shape)
    return numbered


def _most_frequent(keys: Ints, often: Ints) -> tuple[Ints, Ints, Ints]:
    """(n,) each: of each row the most frequent key, the uppermost of equals; how often it occurs; and the second one.

    keys, often: (columns, n), the keys and how often each occurs. With one column the second is the first.
    """
    top, most = keys[0], often[0]
    second = most if len(keys) == 1 else np.zeros_like(most)
    for column, counts in zip(keys[1:], often[1:], strict=True):
        second = np.maximum(second, np.minimum(most, counts))
        top, most = np.where(counts > most, column, top), np.maximum(most, counts)
    return top, most, second


def _most_full(counts: Ints, size: int) -> int:
    """The most batches of `size` places that can be full when each key is in a batch once at most.

    That is the largest `steps` with sum(min(counts, steps)) >= size * steps, found from above by Newton's method: the
    sum is concave in `steps`, so that no number that is skipped is possible.
    """
    total = int(counts.sum())
    steps = total // size
    # a key that occurs more often fills one place of each batch: how many batches do the others fill the rest of?
    while True:
        over = counts[counts > steps]
        others, places = total - int(over.sum()), size - len(over)
        if others >= places * steps:
            return steps
        steps = others // places


def _line(top: Ints, most: Ints, second: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """The rows in the order of dealing: hub by hub, then rows without a hub at random, then what a hub has to spare.

    top, most, second: as `_most_frequent` gives them. Of a hub's rows those go first whose second key is rarer: they
    take no place of another hub. A random factor on that frequency gives every row its turn in some epoch.
    """
    is_hub = most > _HUB * steps
    rows = np.flatnonzero(is_hub)
    plain = rng.permutation(np.flatnonzero(~is_hub))
    first, hubs = _first_and_which(top[rows])
    crowding = second[rows] * rng.lognormal(sigma=0.5, size=len(rows))
    # numpy sorts up to 16 bits by radix, in a tenth of the time
    ranks = np.empty(len(first), np.min_scalar_type(len(first)))
    ranks[np.lexsort((rng.permutation(len(rows))[first], -most[rows[first]]))] = np.arange(len(first))
    order = _sorted_places(crowding)
    order = order[np.argsort(ranks[hubs[order]], kind="stable")]
    starts = np.flatnonzero(np.diff(hubs[order], prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    spare = turn >= steps
    return np.concatenate([rows[order[~spare]], plain, rows[order[spare]]])


def _first_and_which(keys: Ints) -> tuple[Ints, Ints]:
    """The place of the first of each distinct key, by the keys' order, and (n,) which of these each key is."""
    known = np.zeros(int(keys.max(initial=-1)) + 1, np.bool_)
    known[keys] = True
    which = (np.cumsum(known) - 1).take(keys)
    first = np.empty(np.count_nonzero(known), np.int64)
    first[which[::-1]] = np.arange(len(keys))[::-1]  # of several the last that is written stays
    return first, which


def _sorted_places(values: Floats) -> Ints:
    """What `np.argsort(values, kind="stable")` gives, but sooner where no two are equal."""
    places = np.argsort(values)
    in_order = values[places]
    equal = in_order[1:] == in_order[:-1]
    return np.argsort(values, kind="stable") if equal.any() else places
