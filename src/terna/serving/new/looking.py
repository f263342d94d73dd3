"""The beginning of a data file: its columns, and what kind of values each has."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from re import fullmatch
from typing import Any, Literal

from terna.data.corpora.columns import NAMES
from terna.data.corpora.streams import opened
from terna.data.corpora.sts import NUMBER
from terna.data.corpora.values import values
from terna.errors import DataError

# rows that are looked at; what comes after them is checked by the stages alone
LOOKED = 100_000
# a column of more different words, or of longer ones, is text
CLASSES, LONGEST = 20, 40
# the share of values that says what a column holds
MOSTLY = 0.9
IDS = "_?id|idx|index|guid|uid|.*[_-]id|unnamed: 0|"
# labels of NLI as words, in the languages and abbreviations that corpora have
WORDS = {
    "entailment": ("entailment", "entails", "entail", "ent", "e", "implicación", "implicacion", "implica"),
    "neutral": ("neutral", "neu", "n", "neutro"),
    "contradiction": (
        *("contradiction", "contradicts", "contradictory", "con", "cnt", "contra", "c"),
        *("contradicción", "contradiccion", "contradice"),
    ),
    None: ("-",),
}
LABELS = {word: label for label, words in WORDS.items() for word in words}
# a number as Spanish writes it: what its column is for, though reading refuses it
DECIMAL_COMMA = r"[+-]?[0-9]+(,[0-9]+)?"
# how a sentence may end, and no name of a column
ENDS = (".", "!", "?", "…", '"', "»")

Kind = Literal["text", "lists", "words", "number", "id", "other"]


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its name, or its place in a file without a header, and its values."""

    name: str | int
    values: Sequence[Any]

    @cached_property
    def words(self) -> dict[str, int]:
        """How often each value comes, as a word, those that are empty left out."""
        found: dict[str, int] = {}
        for value in self.values:
            if word := _word(value):
                found[word] = found.get(word, 0) + 1
        return found

    @cached_property
    def numbers(self) -> list[float]:
        """The numbers among its values."""
        found = [float(word) for word in self.words if NUMBER.fullmatch(word)]
        return [number for number in found if math.isfinite(number)]

    def mostly(self, matches: Callable[[str], object]) -> bool:
        """Whether MOSTLY all of its values are such words: the few others are then faults, which reading names."""
        filled = sum(self.words.values())
        return sum(count for word, count in self.words.items() if matches(word)) >= MOSTLY * max(filled, 1)

    @cached_property
    def lists(self) -> list[list[Any]]:
        """The lists among its values."""
        return [value for value in self.values if isinstance(value, list)]

    @property
    def labelled(self) -> bool:
        """Whether its values are labels of NLI."""
        return self.mostly(lambda word: word.casefold() in LABELS)

    @cached_property
    def kind(self) -> Kind:
        """What its values are: sentences, lists of texts, a few words, numbers, names of rows, or nothing of use."""
        if self.lists and any(isinstance(text, str) for each in self.lists for text in each):
            return "lists"
        if not self.words or any(isinstance(value, (list, dict, bytes)) for value in self.values):
            return "other"
        named = isinstance(self.name, str) and fullmatch(IDS, self.name.strip().casefold())
        if named and len(self.words) == len(self.values):
            return "id"
        if self.mostly(NUMBER.fullmatch) or self.mostly(lambda word: fullmatch(DECIMAL_COMMA, word)):
            return "number"
        rows, most = sum(self.words.values()), max(map(len, self.words))
        few = len(self.words) <= CLASSES and 2 * len(self.words) <= rows and most <= LONGEST
        spaced = any(" " in word for word in self.words)
        if self.labelled or (few and not (spaced and len(self.words) > CLASSES // 2)):
            return "words"
        codes = not spaced and all(any(map(str.isdigit, word)) for word in self.words)
        return "id" if codes and len(self.words) == rows else "text"

    def called(self, field: str) -> bool:
        """Whether a field is found under its name."""
        return isinstance(self.name, str) and bool(fullmatch(NAMES[field], self.name.strip().casefold()))


@dataclass(frozen=True)
class Looked:
    """What was seen of a file. rows: how many; whole: whether these are all."""

    path: Path
    columns: list[Column]
    rows: int
    whole: bool

    @property
    def header(self) -> bool:
        """Whether its columns have names."""
        return not any(isinstance(column.name, int) for column in self.columns)

    def of(self, *kinds: Kind) -> list[Column]:
        """The columns of some kinds."""
        return [column for column in self.columns if column.kind in kinds]

    def described(self) -> str:
        """Its columns with their kinds, for messages."""
        names = {"text": "text", "lists": "lists of texts", "words": "a few words", "number": "numbers"}
        names |= {"id": "ids", "other": "of no use"}
        return ", ".join(f"{column.name} ({names[column.kind]})" for column in self.columns)[:1000]


def look(path: Path, *, header: bool | None = None) -> Looked:
    """The first LOOKED rows of a data file; header: whether it has one, None to tell by its first row.

    Raises DataError for what cannot be read, with the line where it is text.
    """
    if header is None:
        header = path.suffix.lower() not in (".csv", ".tsv") or _names(opened(path).columns)
    stream = opened(path, header=header)
    names: Sequence[str | int] = range(stream.columns) if isinstance(stream.columns, int) else stream.columns
    found: list[list[Any]] = [[] for _ in names]
    whole = True
    for table in stream.tables(range(len(names))):
        if len(found[0]) >= LOOKED:
            whole = False
            break
        for place, column in enumerate(table.columns):
            found[place] += values(column, stream.names.get(place))
    if not found or not found[0]:
        raise DataError(f"{path}: the file has no rows")
    return Looked(path, [Column(name, each) for name, each in zip(names, found, strict=True)], len(found[0]), whole)


def _names(cells: Sequence[str] | int) -> bool:
    """Whether the first row of a CSV has names of columns, not data."""
    if isinstance(cells, int):
        return False
    words = [cell.strip() for cell in cells]
    if any(fullmatch(name, word.casefold()) for word in words for name in NAMES.values()):
        return True
    # abbreviations of labels are names of columns too
    labels = [word for word in LABELS if len(word) > 3]
    data = [word for word in words if NUMBER.fullmatch(word) or word.casefold() in labels or word.endswith(ENDS)]
    return not data and max(map(len, words), default=0) <= LONGEST


def _word(value: Any) -> str:
    """A value as a word; empty where there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
