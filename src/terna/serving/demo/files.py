"""A file of sentences → the sentences and their lines: text, CSV or JSON lines, one sentence in each line or row."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from terna.errors import DataError
from terna.serving.demo.refused import Refused
from terna.serving.demo.sentences import checked, unfit

# What a file may hold. Their product with a vector's size bounds the memory: 40 MB at 1,024 dimensions.
BYTES = 1 << 21
MOST = 10_000
# columns and keys that hold the sentences, the first that is there
NAMES = ("text", "sentence", "texto", "frase")
DELIMITERS = (",", ";", "\t")  # a Spanish spreadsheet writes semicolons
LINE = re.compile(r"\r\n|\r|\n")

Rows = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Lines:
    """What was read of a file: sentences (n,) in NFC, and the line that each stands in, from 1."""

    name: str
    sentences: list[str]
    lines: list[int]


def read(path: Path) -> Lines:
    """The sentences of a file on this disk; DataError, with the file and line, for what `parsed` refuses."""
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
        if len(content) > BYTES:
            raise unfit("file_size", name=path.name, found=path.stat().st_size, most=BYTES)
        return parsed(path.name, content.decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"--corpus {path}: {error.strerror}; give a file of text, CSV or JSON lines") from error
    except UnicodeDecodeError as error:
        raise DataError(f"--corpus {path}: not UTF-8; convert it: iconv -f WINDOWS-1252 -t UTF-8") from error
    except Refused as error:
        raise DataError(f"--corpus {path}: {error}") from error


def parsed(name: str, text: str) -> Lines:
    """The sentences of a file's text; its name says the format. Blank lines do not count.

    Raises Refused, with the line, for what is no sentence, and for too many.
    """
    rows = [(line, checked(one, str(line))) for line, one in _rows(name, text) if one.strip()]
    if not rows:
        raise unfit("empty")
    if len(rows) > MOST:
        raise unfit("many", found=len(rows), most=MOST)
    return Lines(name, [one for _, one in rows], [line for line, _ in rows])


def _rows(name: str, text: str) -> Rows:
    suffix = Path(name).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _cells(text)
    if suffix in (".jsonl", ".ndjson"):
        return _values(text)
    return enumerate(LINE.split(text), start=1)


def _cells(text: str) -> Rows:
    """The column of one of NAMES, or the only column, which then has no header."""
    first = next(filter(str.strip, LINE.split(text)), "")
    headers = {delimiter: _named(next(csv.reader([first], delimiter=delimiter))) for delimiter in DELIMITERS}
    delimiter = next((delimiter for delimiter, found in headers.items() if found is not None), DELIMITERS[0])
    rows, place = _table(text, delimiter), headers[delimiter]
    if place is not None:
        return _column(rows[1:], place)
    if any(len(cells) > 1 for _, cells in rows):
        raise unfit("column", found=", ".join(rows[0][1])[:80], names=", ".join(NAMES))
    return _column(rows, 0)


def _named(cells: list[str]) -> int | None:
    """The place of the first of NAMES in a header."""
    header = [cell.strip().casefold() for cell in cells]
    return next((header.index(name) for name in NAMES if name in header), None)


def _table(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise unfit("csv", line=reader.line_num, reason=error) from error


def _column(rows: list[tuple[int, list[str]]], place: int) -> Rows:
    for line, cells in rows:
        if len(cells) <= place:
            raise unfit("cell", line=line)
        yield line, cells[place]


def _values(text: str) -> Rows:
    """Of each line a JSON string, or the value of one of NAMES in an object."""
    for line, content in enumerate(LINE.split(text), start=1):
        if content.strip():
            yield line, _value(content, line)


def _value(content: str, line: int) -> str:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        found = next((found[name] for name in NAMES if name in found), None)
    if not isinstance(found, str):
        raise unfit("jsonl", line=line, names=", ".join(NAMES))
    return found
