"""Values of a column, checked: texts, labels, numbers, words."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pyarrow as pa

from terna.data.corpora.sts import NUMBER
from terna.errors import DataError
from terna.records import LABELS

# labels as words, or as numbers in the order of SNLI on the hub
MEANT: Mapping[str, str | None] = {word: label for place, label in enumerate(LABELS) for word in (label, str(place))}
# what JSON can escape and no text holds: NUL, and half of a pair, which UTF-8 cannot hold
UNFIT = re.compile("[\0\ud800-\udfff]")
UNFIT_FOUND = "NUL or half a surrogate pair is not a character; correct or drop the row"
Meaning = TypeVar("Meaning")
# what a column of lists may hold
LISTED = "a text or a list of texts"
# characters of a value that a message repeats
SHOWN = 60


@dataclass(frozen=True)
class Values:
    """Some rows of one column, and where they are: the number of the first, counted from 1; or one row's list."""

    file: str
    column: str
    first: int
    values: Sequence[Any]
    listed: bool = False

    def within(self, row: int) -> "Values":
        """The values of the list that a row is."""
        return replace(self, first=self.first + row, values=self.values[row], listed=True)

    def refused(self, row: int, allowed: str) -> DataError:
        """The error for a value: file, row, column, place in a list, what was found and what is allowed."""
        found = "nothing" if self.values[row] is None else repr(self.values[row])[:SHOWN]
        place = f", place {row + 1} of the list" if self.listed else ""
        where = f"{self.file}, row {self.first + (0 if self.listed else row)}, column {self.column}{place}"
        return DataError(f"{where}: {found}; allowed: {allowed}; correct or drop the row")


def values(column: pa.ChunkedArray, names: Sequence[str] | None) -> list[Any]:
    """Values as Python's, decimals as floats; numbers that stand for `names` as these."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    found: list[Any] = column.to_pylist()
    if names is None:
        return found
    return [names[value] if isinstance(value, int) and 0 <= value < len(names) else value for value in found]


def texts(column: Values, allowed: str = "a text") -> list[str]:
    """Texts in NFC, without blanks around them; DataError for what is no text. allowed: what is, for the error."""
    found = []
    for row, value in enumerate(column.values):
        if not isinstance(value, str) or "\0" in value:
            raise column.refused(row, allowed)
        text = value.strip()
        found.append(text if text.isascii() else unicodedata.normalize("NFC", text))
    return found


def listed(column: Values) -> Iterable[Sequence[str]]:
    """Of each row the texts of its list, or the one that it is, as `texts` gives them."""
    if not any(isinstance(value, list) for value in column.values):
        return zip(texts(column, LISTED), strict=True)
    found = []
    for row, value in enumerate(column.values):
        if not isinstance(value, list):
            raise column.refused(row, LISTED)
        found.append(texts(column.within(row)))
    return found


def filled(column: Values) -> list[str]:
    """Texts as `texts` gives them; DataError for an empty one too."""
    found = texts(column)
    if "" in found:
        raise column.refused(found.index(""), "a text that is not empty")
    return found


def labels(column: Values, meant: Mapping[str, str | None], rows: Sequence[int]) -> list[str | None]:
    """What the labels of `rows` mean, by `meant`, in any case; None for one without a gold label."""
    given = ", ".join(f"{one} ({label or 'no label'})" if one != label else one for one, label in meant.items())
    return meanings(column, meant, rows, f"{given}, see labels")


def meanings(column: Values, meant: Mapping[str, Meaning], rows: Sequence[int], allowed: str) -> list[Meaning]:
    """What the words of `rows` mean, by `meant`, in any case; allowed: which there are, for the error."""
    known = {word.strip().casefold(): meaning for word, meaning in meant.items()}
    found = []
    for row in rows:
        word = _word(column.values[row]).casefold()
        # a whole number that was kept among fractions: 1.0
        word = word if word in known else word.removesuffix(".0")
        if word not in known:
            raise column.refused(row, allowed)
        found.append(known[word])
    return found


def numbers(column: Values, rows: Sequence[int], scale: Sequence[float] | None = None) -> list[float]:
    """The numbers of `rows`; scale: the lowest and the highest that are allowed."""
    low, high = scale or (-math.inf, math.inf)
    found = []
    for row in rows:
        number = _number(column.values[row])
        if number is None or not low <= number <= high:
            raise column.refused(row, f"a number from {low:g} to {high:g}, see scale" if scale else "a number")
        found.append(number)
    return found


def classes(column: Values, rows: Sequence[int]) -> list[str]:
    """Classes of `rows` as words: a number between whole ones, as scores are, is none."""
    found = words(column, rows)
    for row, word in zip(rows, found, strict=True):
        if NUMBER.fullmatch(word) and not float(word).is_integer():
            raise column.refused(row, "a word or a whole number")
    return found


def words(column: Values, rows: Sequence[int]) -> list[str]:
    """Words, such as ids, of `rows`."""
    found = []
    for row in rows:
        word = _word(column.values[row])
        if not word:
            raise column.refused(row, "a word or a whole number")
        found.append(unicodedata.normalize("NFC", word))
    return found


def _word(value: Any) -> str:
    """A text or whole number as a word; empty for anything else."""
    if isinstance(value, str) and not UNFIT.search(value):
        return value.strip()
    return str(value) if isinstance(value, int) or (isinstance(value, float) and value.is_integer()) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = float(value.strip()) if NUMBER.fullmatch(value.strip()) else None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None
