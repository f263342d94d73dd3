"""The epoch's duplicate-free batches, planned as index arrays before the first step.

A text that occurs twice in a batch would count as a wrong answer to itself. All batches are packed at the same time: a
bound gives their number, the rows are dealt to them, and rows that clash are dealt again. Where dealing no longer
helps, a placed row moves into an open place so that a left-over row can take its seat. Where that no longer helps
either, the emptiest batches are dissolved, and at the end it is tried whether some of them can be had after all.
"""

from dataclasses import dataclass

import numpy as np

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

# a key that is in more rows than this share of the batches is a hub: its rows are dealt one after another
_HUB = 1 / 8
# a round that fills less than this share of the open places doubles the tries of the next; past the most, it is over
_PROGRESS = 0.02
_FEWEST_TRIES, _MOST_TRIES = 1 << 14, 1 << 18
# ends the sorted seats, so that a search always lands on one
_NO_SEATS = np.array([np.iinfo(np.int64).max])


@dataclass(frozen=True)
class Plan:
    """The batches of one epoch: `batches` (steps, batch_size) numbers rows of the keys; `unused` rows are in none."""

    batches: Ints
    unused: int

    def __len__(self) -> int:
        return len(self.batches)


def plan(keys: Ints, batch_size: int, seed: int, epoch: int) -> Plan:
    """Batches of `batch_size` rows of keys (n, 3) in which no key occurs twice, over all three columns.

    Every batch is full, and a row is in one batch at most; a row that repeats a key within itself is in none. The plan
    is a function of the arguments alone; the order of the batches, and of the rows in them, is random.
    """
    rng = np.random.default_rng([seed, epoch])
    ordered = np.sort(keys, axis=1)
    usable = np.flatnonzero((ordered[:, 1:] != ordered[:, :-1]).all(axis=1))
    numbered, counts = _by_frequency(ordered[usable], rng)
    # a bound: no batch has a key twice, be it of all keys or of each row's most frequent one
    steps = min(_most_full(counts, 3 * batch_size), _most_full(np.bincount(numbered[:, 0]), batch_size))
    line = _line(numbered, counts, steps, rng)
    packing = _Packing(numbered[line], len(counts), batch_size, steps, rng)
    packing.pack()
    batches = usable[line[rng.permutation(packing.batches())]]
    return Plan(batches, len(keys) - batches.size)


def _by_frequency(keys: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The keys numbered from the most frequent (ties at random), rising within a row; and how often each occurs."""
    _, numbers, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.lexsort((rng.random(len(counts)), -counts))
    return np.sort(np.argsort(order)[numbers.reshape(keys.shape)], axis=1), counts[order]


def _most_full(counts: Ints, size: int) -> int:
    """The most batches of `size` places that can be full when each key is in a batch once at most."""
    low, high = 0, int(counts.sum()) // size
    while low < high:
        middle = (low + high + 1) // 2
        enough = int(np.minimum(counts, middle).sum()) >= middle * size
        low, high = (middle, high) if enough else (low, middle - 1)
    return low


def _line(keys: Ints, counts: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """The rows in the order of dealing: hub by hub, then rows without a hub at random, then what a hub has to spare.

    Of a hub's rows those go first whose second key is rarer: they take no place of another hub. A random factor on that
    frequency gives every row its turn in some epoch.
    """
    hubs = keys[:, 0]
    plain = counts[hubs] <= _HUB * steps
    group = np.where(plain, len(counts), hubs)
    crowding = np.where(plain, 1, counts[keys[:, 1]]) * rng.lognormal(sigma=0.5, size=len(keys))
    order = np.lexsort((crowding, group))
    turn = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    spare = (turn >= steps) & ~plain[order]
    return np.concatenate([order[~spare], order[spare]])


def _undisputed(claims: Ints) -> Bools:
    """(m,): for each row of claims (m, k), that none of them occurs in an earlier row."""
    order = np.argsort(claims, axis=None, kind="stable")
    again = np.diff(claims.ravel()[order], prepend=-1) == 0
    free: Bools = np.bincount(order[again] // claims.shape[1], minlength=len(claims)) == 0
    return free


class _Packing:
    """Rows on their way into `steps` batches of `size`: `home` is each row's batch, or -1."""

    def __init__(self, keys: Ints, distinct: int, size: int, steps: int, rng: np.random.Generator) -> None:
        self.keys, self.distinct = keys, distinct
        self.size, self.steps, self.rng = size, steps, rng
        self.home = np.full(len(keys), -1)
        self.taken = _NO_SEATS  # the seats of the placed rows, sorted

    def pack(self) -> None:
        """Fills as many batches as it can, and dissolves the rest."""
        most, least = self.steps, 1
        while holes := self._fill():
            number = max(least, -(-holes // self.size))
            self._dissolve(min(number, (self.steps + 1) // 2))
            least *= 2  # so that it ends after a logarithm of stalls
        more = most - self.steps
        while more := more // 2:
            self.steps += more
            self._fill()
            self._dissolve(int(np.count_nonzero(self._room())))

    def batches(self) -> Ints:
        """(steps, size): the rows of each batch, in any order; all batches are full."""
        rows = self.rng.permutation(self._placed())
        return rows[np.argsort(self.home[rows], kind="stable")].reshape(self.steps, self.size)

    def _fill(self) -> int:
        """Deals and exchanges until no place is open or no progress is made; gives the places still open."""
        tries, pool = _FEWEST_TRIES, self._pool()
        while (holes := int(self._room().sum())) and tries <= _MOST_TRIES:
            enough = _PROGRESS * holes
            if self._deal(pool) < enough and self._exchange(tries) < enough:
                tries *= 2
            pool = self.rng.permutation(self._pool())[: max(tries, 4 * holes)]
        return holes

    def _deal(self, rows: Ints) -> int:
        """Offers each row one batch with an open place, the first row first, and gives how many found a place."""
        room = self._room()
        batches = np.resize(self.rng.permutation(np.flatnonzero(room)), len(rows))
        fits = self._fitting(batches, rows)
        rows, batches = rows[fits], batches[fits]
        free = _undisputed(self._seats(batches, rows))
        rows, batches = rows[free], batches[free]
        by_batch = np.argsort(batches, kind="stable")
        rows, batches = rows[by_batch], batches[by_batch]
        first = np.arange(len(batches)) - np.searchsorted(batches, batches) < room[batches]
        self._place(rows[first], batches[first])
        return int(first.sum())

    def _exchange(self, tries: int) -> int:
        """Moves placed rows into open places and rows of the pool into their seats; gives how many."""
        groups = self._pool(), self._placed(), np.flatnonzero(self._room())
        if not all(map(len, groups)):
            return 0
        rows, movers, targets = (self.rng.choice(group, tries) for group in groups)
        left = self.home[movers]
        fits = self._fitting(left, rows)
        fits = fits[self._fitting(targets[fits], movers[fits])]
        # one exchange a batch and a row, or what fits now would not fit after another
        fits = fits[_undisputed(np.stack([left, targets], axis=1)[fits]) & _undisputed(rows[fits, None])]
        rows, movers, targets, left = rows[fits], movers[fits], targets[fits], left[fits]
        self.taken = np.delete(self.taken, np.searchsorted(self.taken, self._seats(left, movers).ravel()))
        self._place(np.append(movers, rows), np.append(targets, left))
        return len(rows)

    def _dissolve(self, number: int) -> None:
        """Returns the rows of the `number` emptiest batches to the pool."""
        kept = np.argsort(self._room(), kind="stable")[: self.steps - number]
        renumbered = np.full(self.steps + 1, -1)  # the last is for rows without a batch
        renumbered[kept] = np.arange(len(kept))
        self.home, self.steps = renumbered[self.home], len(kept)
        self.taken, placed = _NO_SEATS, self._placed()
        self._place(placed, self.home[placed])

    def _place(self, rows: Ints, batches: Ints) -> None:
        self.home[rows] = batches
        # two sorted runs, or nearly: what the stable sort is fastest at
        self.taken = np.sort(np.append(np.sort(self._seats(batches, rows), axis=None), self.taken), kind="stable")

    def _fitting(self, batches: Ints, rows: Ints) -> Ints:
        """The numbers of those offers where the batch has none of the row's keys."""
        offers = np.arange(len(rows))
        for column in range(3):  # the most frequent key comes first, and rules out the most
            seats = batches[offers] * self.distinct + self.keys[rows[offers], column]
            offers = offers[self.taken[np.searchsorted(self.taken, seats)] != seats]
        return offers

    def _seats(self, batches: Ints, rows: Ints) -> Ints:
        """(m, 3): a number for each key of a row in a batch, of which each may be taken once."""
        seats: Ints = batches[:, None] * self.distinct + self.keys[rows]
        return seats

    def _placed(self) -> Ints:
        return np.flatnonzero(self.home >= 0)

    def _pool(self) -> Ints:
        return np.flatnonzero(self.home < 0)

    def _room(self) -> Ints:
        """The open places of each batch."""
        return self.size - np.bincount(self.home + 1, minlength=self.steps + 1)[1:]
