"""A number for each text, the same for texts that count as the same.

A hash holds the length of a text and the sum of its bytes times powers of a number, modulo 2 ** 32 (Karp and Rabin,
1987). It is computed for many texts at once, in the order in which Arrow stores them and in blocks that stay in the
processor's cache. Some texts that differ have the same hash; `numbers` compares all texts that have.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa

from terna.arrays import Ints
from terna.sentences import fold

Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.uint32]]

# bytes that are hashed at once
_BLOCK = 1 << 19
# set in the lower case of ASCII and, in UTF-8, of Latin-1, and not in the upper
_CASE = 0x20
_FACTOR = 0x9E3779B1  # odd, so that it has an inverse
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def hashes(texts: pa.Array) -> Ints:
    """A number for each text of a string array, the same for texts that are equal after `fold`.

    Texts that differ in the bit between upper and lower case alone have the same number too, be they letters ("a", "A")
    or not ("@", "`"): who needs texts that are equal compares those of one number.
    """
    found, otherwise = _hashed(texts)
    # by `fold` only where the bit of ASCII and Latin-1 is not all there is to do
    if len(otherwise):
        folded = [fold(text) for text in texts.take(pa.array(otherwise)).to_pylist()]
        found[otherwise] = _hashed(pa.array(folded, pa.string()))[0]
    return found


def _hashed(texts: pa.Array) -> tuple[Ints, Ints]:
    """A hash of each text's bytes, all with _CASE set, and the places of texts that need more than that."""
    offsets, data = _buffers(texts)
    # ends of blocks, between texts; a text that is longer than a block makes it longer
    cuts = np.unique(np.append(np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], _BLOCK)), len(texts)))
    longest = int(np.diff(offsets[cuts]).max(initial=0))
    number = max(longest, 2 * _BLOCK)  # the same for most calls, so that they are kept
    powers, inverses = _powers(_FACTOR, number), _powers(pow(_FACTOR, -1, 2**32), number)
    scratch, products = np.empty((2, longest), np.uint8), np.empty(longest + 1, np.uint32)
    sums, odd = np.zeros(len(texts), np.uint32), [np.zeros(0, np.int64)]  # without a byte there is no block
    for first, last in pairwise(cuts.tolist()):
        bounds = offsets[first : last + 1] - offsets[first]
        block, size = data[offsets[first] : offsets[last]], int(bounds[-1])
        odd.append(offsets[first] + _odd(block, *scratch[:, :size]))
        products[:size] = np.bitwise_or(block, _CASE, out=scratch[0, :size])
        products[:size] *= powers[:size]
        products[size] = 0  # a text without a byte may start there
        # not as differences of sums from the start: numpy's `accumulate` keeps other threads waiting
        starts = bounds[:-1]
        sums[first:last] = np.add.reduceat(products[: size + 1], starts, dtype=np.uint32) * inverses.take(starts)
    return _finished(sums, np.diff(offsets)), _otherwise(offsets, data, np.concatenate(odd))


def _buffers(texts: pa.Array) -> tuple[Ints, Bytes]:
    """(n + 1,) where each text starts and the last one ends, and the bytes of all."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset)
    return bounds.astype(np.int64), np.frombuffer(data, np.uint8)


@lru_cache(maxsize=2)
def _powers(factor: int, number: int) -> Words:
    """(number,): factor to the power of 0, 1, ..., modulo 2 ** 32; kept for the next call."""
    powers = np.full(number, factor, np.uint32)
    powers[0] = 1
    return np.multiply.accumulate(powers, dtype=np.uint32)


def _finished(sums: Words, lengths: Ints) -> Ints:
    """The hashes: NUL adds nothing to a sum, so the length counts too; upper bits into lower ones."""
    mixed = lengths.astype(np.uint64) << 32
    mixed |= np.where(lengths, sums, 0)  # a text without a byte was given the byte after it
    mixed *= _SPREAD
    mixed ^= mixed >> 32
    return mixed.view(np.int64)


def _odd(block: Bytes, odd: Bytes, other: Bytes) -> Ints:
    """The places of bytes that may be part of more than a letter of ASCII or Latin-1; odd, other: scratch."""
    np.subtract(block, ord(" "), out=odd)  # control characters are the highest now
    np.equal(odd, 0, out=other.view(np.bool_))
    odd ^= 1
    np.greater_equal(odd, 0xC3 - ord(" "), out=odd.view(np.bool_))  # 0xC2, 0xC4 and above, control characters
    odd[1:] |= other[1:] & other[:-1]  # two blanks
    np.equal(block, 0x9F, out=other.view(np.bool_))  # the second byte of ß
    odd |= other
    return np.flatnonzero(odd.view(np.bool_))


def _otherwise(offsets: Ints, data: Bytes, odd: Ints) -> Ints:
    """The places of texts that may count as the same as one that differs in more than _CASE.

    These are texts with white at an end, with two white characters in a row, with a control character, or with a
    character that is not ASCII nor one of Latin-1 from ¡ on; of those, µ and ß are folded to something else. The others
    are in NFC, since no mark that composes is among their characters.
    """
    if not len(data):
        return np.zeros(0, np.int64)
    byte, before, after = data.take(odd), data.take(odd - 1, mode="clip"), data.take(odd + 1, mode="clip")
    latin = np.where(
        byte == 0xC2, (after > 0xA0) & (after != 0xB5), (byte > ord(" ")) & (byte < 0xC2) & (before != 0xC3)
    )
    inside = np.searchsorted(offsets, odd[~latin], side="right") - 1
    # of a text without a byte others' are looked at, which does no harm
    ends = np.minimum(data.take(offsets[:-1], mode="clip"), data.take(offsets[1:] - 1, mode="clip"))
    return np.union1d(inside, np.flatnonzero(ends <= ord(" ")))
