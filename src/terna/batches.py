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
    first, second, third = keys.T
    usable = np.flatnonzero((first != second) & (first != third) & (second != third))
    numbered, counts = _numbered(keys[usable], rng)
    # a bound: no batch has a key twice, be it of all keys or of each row's most frequent one
    steps = min(_most_full(counts, 3 * batch_size), _most_full(np.bincount(numbered[:, 0]), batch_size))
    line = _line(numbered, counts, steps, rng)
    packing = _Packing(numbered[line], len(counts), batch_size, steps, rng)
    packing.pack()
    batches = usable[line[rng.permutation(packing.batches())]]
    return Plan(batches, len(keys) - batches.size)


def _numbered(keys: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The keys numbered anew at random, in each row the most frequent first; and how often each number occurs."""
    keys = _dense(keys)
    counts = np.bincount(keys.ravel())
    numbers = rng.permutation(len(counts))
    # sorts by frequency, and by number where that is equal
    weights = counts * len(counts) + numbers
    counts[numbers] = counts.copy()
    return np.sort(weights[keys], axis=1)[:, ::-1] % max(1, len(counts)), counts


def _dense(keys: Ints) -> Ints:
    """The keys numbered from 0 on: as they are, less the lowest, where that leaves few numbers out."""
    if keys.size and int(keys.max()) - (low := int(keys.min())) <= 2 * keys.size:
        return keys - low if low else keys
    return np.unique(keys, return_inverse=True)[1].reshape(keys.shape)


def _most_full(counts: Ints, size: int) -> int:
    """The most batches of `size` places that can be full when each key is in a batch once at most."""
    # keys that occur once at least, twice at least, ...; summed up, the places that 1, 2, ... batches can fill
    at_least = np.cumsum(np.bincount(counts)[:0:-1])[::-1]
    places = np.cumsum(at_least)
    full = int(np.count_nonzero(places >= size * np.arange(1, len(places) + 1)))
    return full if full < len(places) else int(counts.sum()) // size


def _line(keys: Ints, counts: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """The rows in the order of dealing: hub by hub, then rows without a hub at random, then what a hub has to spare.

    Of a hub's rows those go first whose second key is rarer: they take no place of another hub. A random factor on that
    frequency gives every row its turn in some epoch.
    """
    often = counts[keys[:, 0]]
    rows, plain = np.flatnonzero(often > _HUB * steps), np.flatnonzero(often <= _HUB * steps)
    hubs = keys[rows, 0]
    crowding = counts[keys[rows, 1]] * rng.lognormal(sigma=0.5, size=len(rows))
    order = np.lexsort((crowding, hubs, -counts[hubs]))
    starts = np.flatnonzero(np.diff(hubs[order], prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    spare = turn >= steps
    return np.concatenate([rows[order[~spare]], rng.permutation(plain), rows[order[spare]]])


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
        batches = np.flatnonzero(room)
        offers = self._offers(rows, len(batches))
        fits = offers >= 0
        fits[fits] = self._fits(np.repeat(batches, fits.sum(axis=1)), offers[fits])
        keys, turns = self._claims(offers, fits)
        batch, again = np.nonzero(keys[:, 1:] == keys[:, :-1])
        fits[batch, turns[batch, again + 1]] = False
        fits &= np.cumsum(fits, axis=1) <= room[batches, None]
        self.home[offers[fits]] = np.repeat(batches, fits.sum(axis=1))
        self._take((keys + batches[:, None] * self.distinct)[np.take_along_axis(fits, turns, axis=1)])
        return int(fits.sum())

    def _claims(self, offers: Ints, fits: Bools) -> tuple[Ints, Ints]:
        """(batches, 3 turns) each: in each batch the keys of the offers that fit, sorted, and whose turn it is.

        Of equal keys the first turn comes first. What does not fit has a number that is no key's.
        """
        turns = offers.shape[1]
        bits = turns.bit_length()
        keys = np.where(fits[..., None], self.keys[offers], self.distinct)
        # sorting both in one integer, a batch at a time, takes a fraction of an argsort over all
        claims = ((keys << bits) + np.arange(turns)[:, None]).reshape(len(offers), 3 * turns)
        claims.sort(axis=1)
        return claims >> bits, claims & ((1 << bits) - 1)

    def _offers(self, rows: Ints, number: int) -> Ints:
        """(number, turns): the rows dealt out one by one, -1 where they do not go round."""
        offers = np.full((-(-len(rows) // number), number), -1)
        offers.ravel()[: len(rows)] = rows
        return np.ascontiguousarray(offers[:, self.rng.permutation(number)].T)

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
        self._take(np.sort(self._seats(batches, rows), axis=None))

    def _take(self, seats: Ints) -> None:
        """Adds sorted seats to the taken ones."""
        # two sorted runs are what the stable sort is fastest at
        self.taken = np.sort(np.append(seats, self.taken), kind="stable")

    def _fits(self, batches: Ints, rows: Ints) -> Bools:
        """The same as `_fitting`, as a mask."""
        fits = np.zeros(len(rows), np.bool_)
        fits[self._fitting(batches, rows)] = True
        return fits

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
