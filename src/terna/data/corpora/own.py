"""Parsers of a user's own labelled pairs: strict in meaning, generous in form.

Each row is a pair with a known label, or a DataError that names file and line, what was found and what is allowed.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from terna.data.corpora.texts import Text
from terna.errors import DataError
from terna.records import LABELS

# names of the two sentences and of the label, in any case
SENTENCES = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
)
GIVEN = ("label", "gold_label")
# labels as words, or as numbers in the order of SNLI on the hub
MEANT = {word: label for place, label in enumerate(LABELS) for word in (label, str(place))}
DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon"}
# what JSON can escape and no text holds: NUL, and half of a pair, which UTF-8 cannot hold
UNFIT = re.compile("[\0\ud800-\udfff]")
UNFIT_FOUND = "NUL or half a surrogate pair is no character; mend or drop the row"

NAMES = f"{' or '.join(' and '.join(pair) for pair in SENTENCES)}, with {' or '.join(GIVEN)}"
ALLOWED = ", ".join(f"{label} (or {place})" for place, label in enumerate(LABELS))
EMPTY = "the file is empty; needed in its header, each once"

# where a line is, and what it holds
Line = tuple[str, str]
# premise, hypothesis, label, language ("" where the format does not say)
Row = tuple[str, str, str, str]


def pairs_tsv(text: Text) -> Iterator[Row]:
    """A table under a header: fields parted by tab, comma or semicolon, whichever parts the header, and quoted as CSV.

    A row is one line. Lines without a field are passed over, and spaces before a field.
    """
    lines = _lines(text)
    where, header = next(lines, ("", ""))
    if not header:
        raise DataError(f"{text.label}, line 1: {EMPTY}, with tab, comma or semicolon between: {NAMES}")
    delimiter, columns = _delimiter(header, where)
    width = len(cells(header, delimiter, where))
    for where, line in lines:
        fields = cells(line, delimiter, where)
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != width:
            raise DataError(
                f"{where}: {len(fields)} columns, but the header has {width}; quote a field that holds a "
                f'{DELIMITERS[delimiter]} ("…"), or mend the row'
            )
        yield _row([fields[place] for place in columns], where)


def pairs_jsonl(text: Text) -> Iterator[Row]:
    """An object a line. Blank lines are passed over."""
    for where, line in _lines(text):
        row = _object(line, where)
        places = _places([key for key, _ in row])
        if places is None:
            keys = ", ".join(key for key, _ in row) or "none"
            raise DataError(f"{where}: the keys are {keys!r}; needed, each once: {NAMES}")
        yield _row([row[place][1] for place in places], where)


def _lines(text: Text) -> Iterator[Line]:
    """Lines that are not blank: here a carriage return ends one too, as Macintosh programs write."""
    number = 0
    for raw in text.lines:
        for line in raw.split("\r"):
            number += 1
            if line.strip():
                yield f"{text.label}, line {number}", line


def _delimiter(header: str, where: str) -> tuple[str, Sequence[int]]:
    """The one delimiter that parts the header into known names, and the places of these."""
    found = {}
    for delimiter in DELIMITERS:
        with suppress(DataError):
            if places := _places(cells(header, delimiter, where)):
                found[delimiter] = places
    if len(found) == 1:
        return next(iter(found.items()))
    parted = f"parted by {' and by '.join(DELIMITERS[one] for one in found)} alike" if found else "no such header"
    raise DataError(
        f"{where}: {header[:80]!r} is {parted}; needed, each once, with tab, comma or semicolon between: {NAMES}"
    )


def _places(names: Sequence[str]) -> Sequence[int] | None:
    """Where premise, hypothesis and label are; None if a name is missing, repeated, or two could be meant."""
    known = [name.strip().casefold() for name in names]
    pairs = [pair for pair in SENTENCES if all(name in known for name in pair)]
    given = [name for name in GIVEN if name in known]
    chosen = [*(name for pair in pairs for name in pair), *given]
    if len(chosen) != 3 or any(known.count(name) != 1 for name in chosen):
        return None
    return [known.index(name) for name in chosen]


def cells(line: str, delimiter: str, where: str) -> list[str]:
    """The fields of a row that is one line, quoted as CSV; DataError, with `where`, for quotes that do not match."""
    try:
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{where}: {error}; a field that begins with a quote ends with one on the same line, and a quote within "
            'it is doubled: "He said ""no""."'
        ) from error
    for field in fields:
        # white space other than spaces, after which csv takes no quote for one; within quotes it would be doubled
        behind = field[:1].isspace() and field.lstrip().startswith('"')
        if behind and re.search(f"{delimiter} *{re.escape(field)}", delimiter + line):
            raise DataError(f"{where}: {field[:60]!r} has white space before its quote; remove it")
    return fields


def _object(line: str, where: str) -> Sequence[tuple[str, Any]]:
    try:
        # a tuple an object, so that a key that comes twice is seen
        row = json.loads(line, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON ({error}); write one object a line") from error
    if not isinstance(row, tuple):
        raise DataError(f"{where}: {line[:60]!r} is no JSON object; write one object a line, with {NAMES}")
    return row


def _row(values: Sequence[Any], where: str) -> Row:
    premise, hypothesis, label = values
    word = str(label) if type(label) is int else label
    meant = MEANT.get(word.strip().casefold()) if isinstance(word, str) else None
    if meant is None:
        raise DataError(f"{where}: the label is {label!r}; allowed are {ALLOWED}; mend or drop the row")
    return _sentence(premise, where), _sentence(hypothesis, where), meant, ""


def _sentence(value: Any, where: str) -> str:
    """A sentence in NFC, without blanks around it."""
    if not isinstance(value, str):
        raise DataError(f"{where}: {value!r} is no text; give a sentence in quotes")
    if UNFIT.search(value):
        raise DataError(f"{where}: {UNFIT_FOUND}")
    return unicodedata.normalize("NFC", value.strip())
