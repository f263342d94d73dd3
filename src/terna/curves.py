"""The run's log → tidy CSV files, one a plot."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from terna.errors import DataError
from terna.records import replacing

Rows = Sequence[Mapping[str, str]]


def write_curves(log: Path, folder: Path) -> None:
    """Split Lightning's CSV log into folder/loss.csv, lr.csv (a row a step) and development.csv (a row a scoring).

    Steps are optimizer steps done so far. Raises DataError when the log is missing.
    """
    try:
        with log.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise DataError(f"{log}: the run wrote no log; train again (dvc repro -f train)") from error
    figures = [name for name in (rows[0] if rows else {}) if name.startswith("dev/")]
    # Lightning counts a training step from 0 and logs it when it is done
    trained = [{**row, "step": str(int(row["step"]) + 1)} for row in rows if row.get("loss")]
    write_rows(folder / "loss.csv", ["step", "loss"], trained)
    write_rows(folder / "lr.csv", ["step", "lr"], trained)
    scored = [
        {name.removeprefix("dev/"): value for name, value in row.items()}
        for row in rows
        if any(row.get(name) for name in figures)
    ]
    write_rows(folder / "development.csv", ["step", *(name.removeprefix("dev/") for name in figures)], scored)


def write_rows(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write the given columns of `rows` as CSV."""
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
