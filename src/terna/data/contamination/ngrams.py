"""Character n-grams as sets of strings, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints

# letters in an n-gram
SIZE = 5
# texts that are numbered at once
CHUNK = 1 << 14
# bits of an n-gram's number; a place below CHUNK stands above them
BITS = 48
_LOW = (1 << BITS) - 1
# no letter: fills up a text that is shorter than an n-gram
_FILLER = "\n"


def ngrams(text: str) -> set[str]:
    """The n-grams of a normalised text; a text that is shorter is its own and only one."""
    return {text[first : first + SIZE] for first in range(max(1, len(text) - SIZE + 1))}


@dataclass(frozen=True)
class Alphabet:
    """What numbers n-grams: `letters` is the digit of each code point, 0 where the known texts do not have it.

    The last item of `letters` is for all code points beyond. An n-gram's number is that of its digits in base `base`,
    cut to BITS. Each n-gram of the known texts has a number of its own. One that they do not have may share a number,
    which can make texts look more alike, but never less.
    """

    letters: Ints
    base: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Alphabet":
        """The alphabet of the known texts."""
        padded = _padded(pa.array(texts, pa.string()))
        used = np.unique(_codes(padded))
        letters = np.zeros(int(used[-1]) + 2, np.int64)
        letters[used] = np.arange(1, len(used) + 1)
        distinct = len(set().union(*map(ngrams, texts)))
        # powers of an even base are 0 once they are cut; the first base does, but for thousands of letters
        bases = (cls(letters, base) for base in count(len(used) + 1 | 1, 2))
        return next(each for each in bases if len(np.unique(each._number(padded)[1])) == distinct)

    def sets(self, texts: pa.Array) -> tuple[Ints, Ints]:
        """The distinct n-grams of each of at most CHUNK texts: text and number, (m,) each, sorted by both."""
        row, number = self._number(_padded(texts))
        keys = np.sort(row << BITS | number)
        keys = keys[np.diff(keys, prepend=-1) > 0]
        return keys >> BITS, keys & _LOW

    def _number(self, padded: pa.Array) -> tuple[Ints, Ints]:
        digits = self.letters[np.minimum(_codes(padded), len(self.letters) - 1)]
        row = np.repeat(np.arange(len(padded)), pc.utf8_length(padded).to_numpy())
        last = max(0, len(row) - SIZE + 1)
        numbers = np.zeros(last, np.int64)
        for place in range(SIZE):
            numbers = numbers * self.base + digits[place : last + place]
        inside = row[:last] == row[SIZE - 1 :]
        return row[:last][inside], numbers[inside] & _LOW


def _padded(texts: pa.Array) -> pa.Array:
    return pc.utf8_rpad(texts, SIZE, _FILLER)


def _codes(texts: pa.Array) -> Ints:
    """The code points of all texts, one after another."""
    return np.frombuffer("".join(texts.to_pylist()).encode("utf-32-le"), np.uint32)
