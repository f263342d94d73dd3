"""Where a text file that could not be read is malformed: read again, line by line, and refused there."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.sentences import required


def check_text(path: Path) -> None:
    """DataError, with the line, for bytes that are no UTF-8 text."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            required(raw, number, str(path))


def check_csv(delimiter: str, width: int) -> Callable[[Path], None]:
    """A check for quotes that do not match, and for a row that has not as many columns as the first."""

    def check(path: Path) -> None:
        check_text(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            for where, row in _rows(reader, path):
                if len(row) != width and any(cell.strip() for cell in row):
                    raise DataError(
                        f"{where}: {len(row)} columns, but the first row has {width}; quote a field that holds the "
                        'delimiter ("…"), or correct the row'
                    )

    return check


def _rows(reader: Any, path: Path) -> Iterator[tuple[str, list[str]]]:
    begins = 1
    try:
        for row in reader:
            yield f"{path}, line {begins}", row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {begins}: {error}; a field that begins with a quote ends with one, and a quote within it is "
            'doubled: "He said ""no""."'
        ) from error


def check_json(path: Path) -> None:
    """For a line, or a row of a list, that is no object, has a key twice, or another type than those before it.

    The values of a list are of one type too.
    """
    check_text(path)
    kinds: dict[str, tuple[str, str]] = {}
    for place, row in _objects(path):
        for where, column, value in _values(_unique(row, f"{path}, {place}")):
            kind, before = kinds.setdefault(column, (_kind(value), place))
            if kind != _kind(value):
                raise DataError(
                    f"{path}, {place}, column {where}: {_kind(value)}, but {kind} in {before}; write the same in each"
                )


def _values(row: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Where each value is, in which column or lists of a column, and the value, but for nulls."""
    for key, value in row.items():
        if value is not None:
            yield key, f"column {key}", value
        for number, one in enumerate(value if isinstance(value, list) else [], start=1):
            if one is not None:
                yield f"{key}, place {number} of the list", f"lists of {key}", one


def _objects(path: Path) -> Iterator[tuple[str, Any]]:
    """What the lines of a file hold, or the rows of one that is a list, each with its place."""
    with path.open(encoding="utf-8-sig") as file:
        if file.read(1 << 10).lstrip().startswith("["):
            file.seek(0)
            with suppress(ValueError, RecursionError):
                yield from ((f"row {number}", row) for number, row in enumerate(_parsed(file.read()), start=1))
                return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield f"line {number}", _parsed(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{path}, line {number}: not JSON ({error}); write one object per line") from error


def _parsed(text: str) -> Any:
    """JSON; a tuple an object, so that a key that comes twice is seen."""
    return json.loads(text, object_pairs_hook=tuple)


def _unique(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, tuple):
        raise DataError(f"{where}: {json.dumps(row)[:60]!r} is not a JSON object; write one object per line")
    keys = [key for key, _ in row]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise DataError(f"{where}: {twice[0]!r} occurs twice; remove one")
    return dict(row)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a text" if isinstance(value, str) else "a list or an object"
