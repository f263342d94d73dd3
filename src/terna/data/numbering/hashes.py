"""64 bits of each text, the same for texts that count as the same.

A text's hash is the sum of its bytes times powers of a number, modulo 2 ** 64 (Karp and Rabin, 1987). So it can be had
for many texts at once, in the order in which Arrow stores them and in blocks that stay in the processor's cache.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa

from terna.arrays import Ints
from terna.sentences import fold

Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]

# bytes that are hashed at once
_BLOCK = 1 << 19
# set in the lower case of ASCII and, in UTF-8, of Latin-1, and not in the upper
_CASE = 0x20
_FACTOR = 0xD1342543DE82EF95  # odd, so that it has an inverse
_SPREAD, _LENGTH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def hashes(texts: pa.Array) -> Ints:
    """A number for each text of a string array, the same for texts that are equal after `fold`.

    Texts that differ in the bit between upper and lower case alone have the same number too, be they letters ("a", "A")
    or not ("@", "`"): who needs texts that are equal compares those of one number.
    """
    found, otherwise = _sums(texts)
    # by `fold` only where the bit of ASCII and Latin-1 is not all there is to do
    if len(otherwise):
        folded = [fold(text) for text in texts.take(pa.array(otherwise)).to_pylist()]
        found[otherwise] = _sums(pa.array(folded, pa.string()))[0]
    return found.view(np.int64)


def _sums(texts: pa.Array) -> tuple[Words, Ints]:
    """A hash of each text's bytes, all with _CASE set, and the places of texts that need more than that."""
    offsets, data = _buffers(texts)
    # ends of blocks, between texts; a text that is longer than a block makes it longer
    cuts = np.unique(np.append(np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], _BLOCK)), len(texts)))
    longest = int(np.diff(offsets[cuts]).max(initial=0))
    number = max(longest, 2 * _BLOCK)  # the same for most calls, so that they are kept
    powers, inverses = _powers(_FACTOR, number), _powers(pow(_FACTOR, -1, 2**64), number)
    scratch, products = np.empty((2, longest), np.uint8), np.empty(longest + 1, np.uint64)
    found, odd = np.zeros(len(texts), np.uint64), [np.zeros(0, np.int64)]  # without a byte there is no block
    for first, last in pairwise(cuts.tolist()):
        bounds = offsets[first : last + 1] - offsets[first]
        block, size = data[offsets[first] : offsets[last]], int(bounds[-1])
        odd.append(offsets[first] + _odd(block, *scratch[:, :size]))
        products[:size] = np.bitwise_or(block, _CASE, out=scratch[0, :size])
        products[:size] *= powers[:size]
        products[size] = 0  # a text without a byte may start there
        # not as differences of sums from the start: numpy's `accumulate` keeps other threads waiting
        found[first:last] = np.add.reduceat(products[: size + 1], bounds[:-1]) * inverses.take(bounds[:-1])
    return _finished(found, np.diff(offsets)), _otherwise(offsets, data, np.concatenate(odd))


def _buffers(texts: pa.Array) -> tuple[Ints, Bytes]:
    """(n + 1,) where each text starts and the last one ends, and the bytes of all."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset)
    return bounds.astype(np.int64), np.frombuffer(data, np.uint8)


@lru_cache(maxsize=2)
def _powers(factor: int, number: int) -> Words:
    """(number,): factor to the power of 0, 1, ..., modulo 2 ** 64; kept for the next call."""
    powers = np.full(number, factor, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


def _finished(sums: Words, lengths: Ints) -> Words:
    """The hashes: NUL adds nothing to a sum, so the length counts too; upper bits into lower ones."""
    sums *= lengths > 0  # a text without a byte was given the byte after it
    sums += lengths.astype(np.uint64) * _LENGTH
    sums *= _SPREAD
    sums ^= sums >> np.uint64(32)
    return sums


def _odd(block: Bytes, odd: Bytes, other: Bytes) -> Ints:
    """The places of bytes that may be part of what is more than a letter of ASCII or Latin-1; the others are scratch."""
    np.bitwise_xor(block, 1, out=odd)
    np.greater_equal(odd, 0xC3, out=odd.view(np.bool_))  # 0xC2, 0xC4 and above
    np.equal(block, 0x9F, out=other.view(np.bool_))  # the second byte of ß
    odd |= other
    np.less_equal(block, ord(" "), out=other.view(np.bool_))
    odd[1:] |= other[1:] & other[:-1]
    np.less(block, ord(" "), out=other.view(np.bool_))
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
