"""Values of a benchmark's rows: what they may be, and an error with their place for what they may not."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from terna.data.corpora.own import UNFIT, UNFIT_FOUND
from terna.data.corpora.sts import NUMBER
from terna.data.corpora.tables import Columns
from terna.errors import DataError
from terna.settings import Benchmark
from terna.settings.benchmark import COLUMNS

# the columns that a table may lack where nothing is declared
OPTIONAL = ("title", "score")
# what says whether a pair is one of the same meaning
LABELS = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "sí": 1.0, "si": 1.0}


def columns(declared: Benchmark, *keys: str) -> Columns:
    """What the columns of a file are called; of a table without a header, nothing is there that is not declared."""
    given: dict[str, str | int] = {key: name for key, name in (declared.columns or {}).items() if key in keys}
    placed = any(isinstance(place, int) for place in given.values())
    known = [key for key in keys if key in given or not placed or key not in OPTIONAL]
    return {key: (given[key],) if key in given else COLUMNS[declared.task][key] for key in known}


def optional(declared: Benchmark) -> list[str]:
    """The columns that a table may lack: what is declared has to be there."""
    return [key for key in OPTIONAL if key not in (declared.columns or {})]


def complete(name: str, declared: Benchmark, rows: int, folder: Path) -> None:
    """Raise DataError for another number of rows than declared."""
    if declared.rows not in (None, rows):
        raise DataError(f"{name}: {rows} rows in {folder}, expected {declared.rows}; fetch it anew")


def key(row: Mapping[str, Any], column: str, where: str) -> str:
    """An id, as text."""
    value = row[column]
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise DataError(f"{where}: the {column} is {value!r}; an id is a text or a whole number")
    return str(value).strip()


def text(row: Mapping[str, Any], column: str, where: str) -> str:
    """A text that is not empty, without blanks around it."""
    value = row[column]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: the {column} is {value!r}; give a text that is not empty, or drop the row")
    if UNFIT.search(value):
        raise DataError(f"{where}: {UNFIT_FOUND}")
    return value.strip()


def number(value: Any, column: str, where: str, allowed: str) -> float:
    """A finite number; `allowed` says which ones are, for the message."""
    written = "" if isinstance(value, bool) or not isinstance(value, (str, int, float)) else str(value).strip()
    if not NUMBER.fullmatch(written) or not isfinite(float(written)):
        raise DataError(f"{where}: the {column} is {value!r}; {allowed} is needed (a header is no row: give names)")
    return float(written)


def score(value: Any, scale: Sequence[float], where: str) -> float:
    """A number on the declared scale."""
    allowed = f"a number from {scale[0]:g} to {scale[1]:g}, as `scale` declares,"
    found = number(value, "score", where, allowed)
    if not scale[0] <= found <= scale[1]:
        raise DataError(f"{where}: the score is {value!r}; {allowed} is needed")
    return found


def label(value: Any, where: str) -> float:
    """1 for the same meaning, 0 for another."""
    found = LABELS.get(str(value).strip().casefold().removesuffix(".0"))
    if found is None:
        raise DataError(f"{where}: the label is {value!r}; allowed are {', '.join(LABELS)}, in any case")
    return found


def gain(row: Mapping[str, Any], where: str) -> float:
    """How relevant; without a score, relevant."""
    return number(row["score"], "score", where, "a number") if "score" in row else 1.0
