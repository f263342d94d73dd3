"""The tables of predictions that a plan is made from."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.arrays import Floats
from terna.errors import DataError
from terna.evaluation.seeds import RECORDED
from terna.settings.benchmark import UNITS, Task

PREDICTIONS = Path("predictions")
PAIRS = ("sentence1", "sentence2", "gold")
# what tells units apart
KEYS: dict[Task, tuple[str, ...]] = {"sts": PAIRS, "binary": PAIRS, "ranking": ("query",)}


def recorded(folder: Path = PREDICTIONS) -> list[Path]:
    """The tables of the evaluate stage; DataError where there is none."""
    found = sorted(folder.glob("*.parquet"))
    if not found:
        raise DataError(
            f"{folder}/: no *.parquet; run the evaluate stage (dvc repro evaluate), or name tables of predictions"
        )
    return found


def read(path: Path) -> pa.Table:
    """A table of predictions; DataError for what is no Parquet."""
    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; give predictions/<benchmark>.parquet of an evaluate stage") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet table ({error}); give predictions/<benchmark>.parquet") from error


def task_of(units: pa.Table, path: Path) -> Task:
    """What the units are: labelled 1 or 0, scored, or queries; DataError for another table."""
    columns = KEYS["ranking"] if "query" in units.column_names else PAIRS
    if not set(columns).issubset(units.column_names):
        raise DataError(
            f"{path}: columns {', '.join(units.column_names)}; predictions/<benchmark>.parquet has sentence1, "
            "sentence2 and gold, or query"
        )
    for name in columns:
        kind = pa.float64() if name == "gold" else pa.string()
        if units[name].type != kind or units[name].null_count:
            raise DataError(
                f"{path}: {name}: {units[name].type} with {units[name].null_count} nulls; predictions/ has {kind} and "
                "no nulls; run the evaluate stage again"
            )
    if columns != PAIRS:
        return "ranking"
    if faults := int((~np.isfinite(units["gold"].to_numpy())).sum()):
        raise DataError(
            f"{path}: gold: {faults} of {len(units)} scores are not finite; give these pairs a score in the "
            "benchmark's files, or take them out, and run the evaluate stage again"
        )
    return "binary" if set(units["gold"].to_pylist()) == {0, 1} else "sts"


def ours(units: pa.Table, task: Task, measure: str, path: Path) -> Floats:
    """The outcome of the model of a table under a measure; DataError where the table has none."""
    column = f"{measure}{RECORDED[task].ending}"
    if column not in units.column_names:
        raise DataError(f"{path}: no column {column}; give a --measure that this benchmark is scored by")
    return RECORDED[task].outcome(units, measure)


def rival(path: Path, units: pa.Table, task: Task, measure: str) -> Floats:
    """The same of another table; DataError where its units are not `units`, in their order."""
    table = read(path)
    for column in KEYS[task]:
        if column not in table.column_names or table[column].to_pylist() != units[column].to_pylist():
            raise DataError(
                f"{path}: {column} is not that of the first table; give tables of the same {UNITS[task]} in one order"
            )
    return ours(table, task, measure, path)
