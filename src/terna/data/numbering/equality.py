"""Which of many integers are equal, without sorting them: of those that share a slot of a table the first holds it."""

import numpy as np

from terna.arrays import Ints

# 2 ** 64 over the golden ratio, odd: its multiples spread over the upper bits (Knuth, TAOCP 3, 6.4)
_SPREAD = np.int64(0x9E3779B97F4A7C15 - 2**64)


def firsts(values: Ints, slots: Ints | None = None) -> Ints:
    """(m,): for each value the place of the first that equals it.

    slots: (m,) from 0 on and not much above m, equal for equal values, if the caller knows some that are better than
    random ones: those of neighbours close together.
    """
    if slots is None:
        slots = _slots(values)
    kind = np.int32 if len(values) < 2**31 else np.int64
    holders = np.full(int(slots.max(initial=-1)) + 1, len(values), kind)
    np.minimum.at(holders, slots, np.arange(len(values), dtype=kind))
    first = holders.take(slots).astype(np.int64)
    # who shares a slot with another value looks for one again, together with all that equal it
    others = np.flatnonzero(values.take(first) != values)
    if len(others):
        first[others] = others.take(firsts(values.take(others) * _SPREAD))
    return first


def _slots(values: Ints) -> Ints:
    """A slot for each value by its upper bits, out of one to two slots a value."""
    bits = len(values).bit_length()
    return ((values * _SPREAD).view(np.uint64) >> np.uint64(64 - bits)).view(np.int64)
