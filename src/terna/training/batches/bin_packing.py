"""Rows dealt to all batches at once, and what is done where dealing no longer helps.

Rows that clash are dealt again. Where that no longer helps, a placed row moves into an open place so that a left-over
row can take its seat. Where that no longer helps either, the emptiest batches are dissolved, and at the end it is tried
whether some of them can be had after all.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from terna.arrays import Bools, Ints
from terna.data.numbering import firsts

# a round that fills less than this share of the open places doubles the tries of the next; past the most, it is over
_PROGRESS = 0.02
_FEWEST_TRIES, _MOST_TRIES = 1 << 10, 1 << 18
# rows that claim their seats at once
_AT_ONCE = 1 << 15
# ends the sorted seats, so that a search always lands on one
_NO_SEATS = np.array([np.iinfo(np.int64).max])


class Packing:
    """Rows of keys (n, columns), each below `distinct`, on their way into `steps` batches of `size`.

    `home` is each row's batch, or -1; `room` the open places of each batch. A seat is a key in a batch. `taken` has the
    seats of the placed rows, sorted, but only of the keys that are watched: once the first deal is over, those of the
    few rows without a batch.
    """

    def __init__(self, keys: Ints, distinct: int, size: int, steps: int, rng: np.random.Generator) -> None:
        self.keys, self.distinct = keys, distinct
        self.size, self.steps, self.rng = size, steps, rng
        self.home = np.full(len(keys), -1)
        self.room = np.full(steps, size)
        self.watched = np.zeros(distinct, np.bool_)
        self.taken = _NO_SEATS

    def pack(self, line: Ints) -> Ints:
        """(steps, size): the rows of as many full batches as it can fill, those that come first in line preferred."""
        most, least = self.steps, 1
        if self.steps:
            self._deal(line)
            self._watch(self.keys[self._pool()])
        while holes := self._fill():
            number = max(least, -(-holes // self.size))
            self._dissolve(min(number, (self.steps + 1) // 2))
            least *= 2  # so that it ends after a logarithm of stalls
        more = most - self.steps
        while more:
            self._open(-(-more // 2))
            self._fill()
            self._dissolve(int(np.count_nonzero(self.room)))
            more //= 2
        return self._batches(line)

    def _batches(self, line: Ints) -> Ints:
        """The rows of each batch, the batches in a random order; all batches are full."""
        line = np.roll(line, self.rng.integers(len(line) + 1))  # or hubs would always come first
        # sorted as one number each, batch and place in the line: faster than by batch, with the places moved along
        bits = len(line).bit_length()
        order = np.sort((self.home.take(line) << bits) + np.arange(len(line)))[len(line) - self.steps * self.size :]
        batches = line.take(order & ((1 << bits) - 1)).reshape(self.steps, self.size)
        return batches.take(self.rng.permutation(self.steps), axis=0)

    def _fill(self) -> int:
        """Deals and exchanges until no place is open or no progress is made; gives the places still open."""
        tries, pool = _FEWEST_TRIES, self._pool()
        while (holes := int(self.room.sum())) and tries <= _MOST_TRIES:
            enough = _PROGRESS * holes
            pool = pool[self.home[pool] < 0]
            if self._deal(self.rng.permutation(pool)[: max(tries, 4 * holes)]) < enough and (
                self._exchange(tries) < enough
            ):
                tries *= 2
        return holes

    def _deal(self, rows: Ints) -> int:
        """Offers each row one batch with an open place, the first row first, and gives how many found a place."""
        open_ = np.flatnonzero(self.room)
        offers = self._offers(rows, len(open_))
        fits = offers >= 0
        which, rows = np.nonzero(fits)[0], offers[fits]
        if len(self.taken) > 1:
            fits[fits] = free = self._free(open_[which], rows)
            which, rows = which[free], rows[free]
        fits[fits] = self._undisputed(which, rows, offers.shape[1])
        fits &= np.cumsum(fits, axis=1, dtype=np.int32) <= self.room[open_, None]
        self._place(offers[fits], np.repeat(open_, np.count_nonzero(fits, axis=1)))
        return int(np.count_nonzero(fits))

    def _offers(self, rows: Ints, number: int) -> Ints:
        """(number, turns): the rows dealt out one by one, -1 where they do not go round."""
        offers = np.full((-(-len(rows) // number), number), -1)
        offers.ravel()[: len(rows)] = rows
        return np.ascontiguousarray(offers[:, self.rng.permutation(number)].T)

    def _undisputed(self, which: Ints, rows: Ints, turns: int) -> Bools:
        """(m,): for each row, offered to the batch `which` (ascending), that no earlier one there has a key of it."""
        columns = self.keys.shape[1]
        width = 1 << (2 * columns * turns).bit_length()  # slots of a batch
        free = np.empty(len(rows), np.bool_)

        def some(first: int, last: int) -> None:
            keys = self.keys.take(rows[first:last], axis=0)
            batches = (which[first:last] - which[first])[:, None]
            seats, slots = batches * self.distinct + keys, batches * width + (keys & (width - 1))
            free[first:last] = _all_fresh(firsts(seats.ravel(), slots.ravel()), columns)

        # some batches at a time, so that it all stays in the processor's cache
        cuts = np.searchsorted(which, np.arange(0, which.max(initial=0) + 1, -(-_AT_ONCE // turns)))
        bounds = np.unique(np.append(cuts, len(rows))).tolist()
        if len(bounds) == 2:  # one block: starting a thread would take longer
            some(*bounds)
            return free
        with ThreadPoolExecutor(min(os.cpu_count() or 1, len(bounds))) as threads:
            list(threads.map(some, bounds[:-1], bounds[1:]))
        return free

    def _exchange(self, tries: int) -> int:
        """Moves placed rows into open places and rows of the pool into their seats; gives how many."""
        groups = self._pool(), np.flatnonzero(self.home >= 0), np.flatnonzero(self.room)
        if not all(map(len, groups)):
            return 0
        rows, movers, targets = (self.rng.choice(group, tries) for group in groups)
        # a few movers are no reason to sort the seats of all
        self._watch(self.keys[movers] if tries == _FEWEST_TRIES else np.arange(self.distinct))
        left = self.home[movers]
        fits = np.flatnonzero(self._free(left, rows))
        fits = fits[self._free(targets[fits], movers[fits])]
        # one exchange a batch and a row, or what fits now would not fit after another
        once = _none_twice(np.stack([left, targets], axis=1)[fits]) & _none_twice(rows[fits, None])
        rows, movers, targets, left = (array[fits[once]] for array in (rows, movers, targets, left))
        self.taken = np.delete(self.taken, np.searchsorted(self.taken, self._seats(left, movers).ravel()))
        self.room[left] += 1
        self._place(np.append(movers, rows), np.append(targets, left))
        return len(rows)

    def _open(self, number: int) -> None:
        """Adds empty batches."""
        self.room = np.append(self.room, np.full(number, self.size))
        self.steps += number

    def _dissolve(self, number: int) -> None:
        """Returns the rows of the `number` emptiest batches to the pool."""
        kept = np.argsort(self.room, kind="stable")[: self.steps - number]
        renumbered = np.full(self.steps + 1, -1)  # the last is for rows without a batch
        renumbered[kept] = np.arange(len(kept))
        self.home, self.steps, self.room = renumbered[self.home], len(kept), self.room[kept]
        self.taken = self._found()
        self._watch(self.keys[self._pool()])

    def _place(self, rows: Ints, batches: Ints) -> None:
        """Into batches where they fit."""
        self.home[rows] = batches
        self.room -= np.bincount(batches, minlength=self.steps)
        if self.watched.any():
            seats = self._seats(batches, rows)[self.watched[self.keys[rows]]]
            # two sorted runs are what the stable sort is fastest at
            self.taken = np.sort(np.append(np.sort(seats), self.taken), kind="stable")

    def _watch(self, keys: Ints) -> None:
        """From now on `taken` has the seats of these keys too."""
        if self.watched[keys].all():
            return
        self.watched[keys] = True
        self.taken = self._found()

    def _found(self) -> Ints:
        """The taken seats of the watched keys, sorted again."""
        claims = np.flatnonzero(self.watched.take(self.keys.ravel()))
        homes = self.home.take(claims // self.keys.shape[1])
        seats = (homes * self.distinct + self.keys.ravel().take(claims))[homes >= 0]
        return np.append(np.sort(seats), _NO_SEATS)

    def _free(self, batches: Ints, rows: Ints) -> Bools:
        """(m,): for each offer that the batch has none of the row's keys, all of which are watched."""
        offers, free = np.arange(len(rows)), np.zeros(len(rows), np.bool_)
        for column in self.keys.T:
            seats = batches[offers] * self.distinct + column[rows[offers]]
            offers = offers[self.taken[np.searchsorted(self.taken, seats)] != seats]
        free[offers] = True
        return free

    def _seats(self, batches: Ints, rows: Ints) -> Ints:
        """(m, columns): a number for each key of a row in a batch, of which each may be taken once."""
        seats: Ints = batches[:, None] * self.distinct + self.keys[rows]
        return seats

    def _pool(self) -> Ints:
        return np.flatnonzero(self.home < 0)


def _none_twice(claims: Ints) -> Bools:
    """(m,): for each row of claims (m, k), that none of them occurs before."""
    return _all_fresh(firsts(claims.ravel()), claims.shape[1])


def _all_fresh(first: Ints, width: int) -> Bools:
    """(m,): for each `width` of the claims, that each is the first of its kind."""
    fresh = (first == np.arange(len(first))).reshape(-1, width).T
    return np.asarray(np.logical_and.reduce(fresh))
