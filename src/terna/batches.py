"""The epoch's duplicate-free batches, planned as index arrays before the first step.

A batch in which a text occurs twice would rank a text against itself as a wrong answer. The plan is made for all
batches at once. A bound gives the number of batches; the rows are dealt to them, those of frequent keys first, each
to another batch; rows that clash are dealt again. When dealing stalls, exchanges move a placed row into an open place
so that a left-over row can take its seat; when those stall too, the emptiest batches are dissolved.
"""

from dataclasses import dataclass

import numpy as np

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

# a round that fills less than this share of the open places is idle; so many idle rounds on end are a stall
_PROGRESS = 0.05
# tries of one round: enough that the last open place is found, few enough that a round is short
_TRIES, _MOST_TRIES = 1 << 14, 1 << 18
# a key in the rows of at least this share of the batches has its rows dealt one by one around the batches
_HUB = 1 / 8

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

    Every batch is full and a row is in at most one; a row that repeats a key within itself is in none. The plan is a
    function of the arguments alone, the order of its batches and of their rows is random.
    """
    rng = np.random.default_rng([seed, epoch])
    ordered = np.sort(keys, axis=1)
    usable = np.flatnonzero((ordered[:, 1:] != ordered[:, :-1]).all(axis=1))
    numbered, counts = _by_frequency(ordered[usable], rng)
    steps = _most_batches(numbered, counts, batch_size)
    line = _line(numbered, counts, steps, rng)
    packing = _Packing(numbered[line], len(counts), batch_size, steps, rng)
    packing.pack()
    rows = rng.permutation(np.flatnonzero(packing.home >= 0))
    grid = rows[np.argsort(packing.home[rows], kind="stable")].reshape(packing.steps, batch_size)
    batches = usable[line[rng.permutation(grid)]]
    return Plan(batches, len(keys) - batches.size)


def _by_frequency(keys: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The keys numbered from the most frequent (ties at random), rising within a row; and how often each occurs."""
    _, numbers, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.lexsort((rng.random(len(counts)), -counts))
    standing = np.empty_like(order)
    standing[order] = np.arange(len(order))
    return np.sort(standing[numbers.reshape(keys.shape)], axis=1), counts[order]


def _most_batches(keys: Ints, counts: Ints, size: int) -> int:
    """A bound: no batch has a key twice, be it of all keys or of each row's most frequent one."""
    by_hub = _most_full(np.bincount(keys[:, 0]), size)
    return min(by_hub, _most_full(counts, size * keys.shape[1]))


def _most_full(counts: Ints, size: int) -> int:
    """The most batches of `size` places that the counts fill when each is in a batch once at most."""
    low, high = 0, int(counts.sum()) // size
    while low < high:
        middle = (low + high + 1) // 2
        enough = int(np.minimum(counts, middle).sum()) >= middle * size
        low, high = (middle, high) if enough else (low, middle - 1)
    return low


def _line(keys: Ints, counts: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """The rows in the order of dealing: hub by hub, then rows without one at random, then what a hub has to spare.

    Of a hub's rows those go first whose second key is rarer, by powers of two: they leave other hubs their places.
    """
    hubs, second = keys[:, 0], counts[keys[:, 1]]
    plain = counts[hubs] <= _HUB * steps
    group = np.where(plain, len(counts), hubs)
    crowding = np.where(plain, 0, np.log2(second).astype(np.int64))
    order = np.lexsort((rng.random(len(keys)), crowding, group))
    turn = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    spare = (turn >= steps) & ~plain[order]
    return np.concatenate([order[~spare][::-1], order[spare]])


def _undisputed(seats: Ints) -> Bools:
    """(m,): for each row of numbers (m, k), that none of them occurs in an earlier row."""
    order = np.argsort(seats, axis=None, kind="stable")
    again = np.diff(seats.ravel()[order], prepend=-1) == 0
    free = np.ones(len(seats), np.bool_)
    free[order[again] // seats.shape[1]] = False
    return free


class _Packing:
    """Rows on their way into batches: `home` is each row's batch, or -1."""

    def __init__(self, keys: Ints, distinct: int, size: int, steps: int, rng: np.random.Generator) -> None:
        self.keys, self.distinct = keys, distinct
        self.size, self.steps = size, steps
        self.rng = rng
        self.home = np.full(len(keys), -1)
        self.taken = _NO_SEATS  # the seats of placed rows, sorted: see _seats

    def pack(self) -> None:
        """Fills every batch, giving up batches where it must."""
        if not self.steps:
            return
        most = self.steps
        self._deal(np.arange(len(self.keys)))
        self._fill()
        least = 1
        while holes := int(self._room().sum()):
            number = max(least, -(-holes // self.size))
            self._dissolve(min(number, (self.steps + 1) // 2))
            self._fill()
            least *= 2  # so that hopeless data end after a logarithm of stalls
        more = most - self.steps
        while more := more // 2:
            self.steps += more
            self._fill()
            self._dissolve(int(np.count_nonzero(self._room())))

    def _fill(self) -> None:
        """Deals and exchanges until no place is open or no progress is made."""
        tries = _TRIES
        while tries <= _MOST_TRIES and (holes := int(self._room().sum())):
            placed = self._deal(np.sort(self._sample(self._pool(), max(tries, 4 * holes)))[::-1])
            if placed < _PROGRESS * holes:
                placed += self._exchange(tries)
            if placed < _PROGRESS * holes:
                tries *= 2

    def _deal(self, rows: Ints) -> int:
        """Offers each row a batch with an open place; the earlier row wins a place or a key. Gives how many sat."""
        room = self._room()
        batches = np.resize(self.rng.permutation(np.flatnonzero(room)), len(rows))
        fits = self._fitting(batches, rows)
        rows, batches = rows[fits], batches[fits]
        fits = _undisputed(self._seats(batches, rows))
        rows, batches = rows[fits], batches[fits]
        by_batch = np.argsort(batches, kind="stable")
        grouped = batches[by_batch]
        turn = np.arange(len(grouped)) - np.searchsorted(grouped, grouped)
        seated = by_batch[turn < room[grouped]]
        self._seat(rows[seated], batches[seated])
        return len(seated)

    def _exchange(self, tries: int) -> int:
        """Moves a placed row into an open place and a left-over row into its seat, wherever both fit."""
        room, pool, placed = self._room(), self._pool(), np.flatnonzero(self.home >= 0)
        if not room.any() or not len(pool) or not len(placed):
            return 0
        holes = self.rng.choice(np.flatnonzero(room), tries)
        movers, rows = self.rng.choice(placed, tries), self.rng.choice(pool, tries)
        seats = self.home[movers]
        fits = self._fitting(seats, rows)
        holes, movers, rows, seats = holes[fits], movers[fits], rows[fits], seats[fits]
        fits = self._fitting(holes, movers)
        holes, movers, rows, seats = holes[fits], movers[fits], rows[fits], seats[fits]
        # each batch and each row in one exchange at most, or the checks above would not hold together
        fits = _undisputed(np.stack([holes, seats], axis=1)) & _undisputed(rows[:, None])
        holes, movers, rows, seats = holes[fits], movers[fits], rows[fits], seats[fits]
        leaving = np.searchsorted(self.taken, self._seats(seats, movers).ravel())
        self.taken = np.delete(self.taken, leaving)
        self._seat(np.concatenate([movers, rows]), np.concatenate([holes, seats]))
        return len(rows)

    def _dissolve(self, number: int) -> None:
        """Returns the rows of the `number` emptiest batches to the pool."""
        kept = np.sort(np.argsort(self._room(), kind="stable")[: max(self.steps - number, 0)])
        renumbered = np.full(self.steps + 1, -1)  # the last for rows without a batch
        renumbered[kept] = np.arange(len(kept))
        self.home = renumbered[self.home]
        self.steps = len(kept)
        placed = np.flatnonzero(self.home >= 0)
        self.taken = np.sort(np.append(_NO_SEATS, self._seats(self.home[placed], placed)))

    def _sample(self, rows: Ints, tries: int) -> Ints:
        return rows if len(rows) <= tries else self.rng.choice(rows, tries, replace=False)

    def _room(self) -> Ints:
        """Open places of each batch."""
        return self.size - np.bincount(self.home + 1, minlength=self.steps + 1)[1:]

    def _pool(self) -> Ints:
        return np.flatnonzero(self.home < 0)

    def _seats(self, batches: Ints, rows: Ints) -> Ints:
        """(m, 3): a number for each key of a row in a batch; no seat may be taken twice."""
        return batches[:, None] * self.distinct + self.keys[rows]

    def _fitting(self, batches: Ints, rows: Ints) -> Ints:
        """Numbers those offers where the batch has none of the row's keys."""
        offers = np.arange(len(rows))
        for column in range(self.keys.shape[1]):  # the most frequent key comes first: it rules out the most
            seats = batches[offers] * self.distinct + self.keys[rows[offers], column]
            places = np.searchsorted(self.taken, seats)
            offers = offers[self.taken[places] != seats]
        return offers

    def _seat(self, rows: Ints, batches: Ints) -> None:
        self.home[rows] = batches
        self.taken = np.sort(np.append(self.taken, self._seats(batches, rows)), kind="stable")
