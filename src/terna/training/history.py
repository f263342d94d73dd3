"""The curves of a run → tidy CSV files, one a plot, also while the run goes on."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from terna.records import write_rows

# a file for each of these figures of a step
TRAINED = ("loss", "lr")


@dataclass
class Curves:
    """What a run was like, a row a step of training and a row a scoring; steps are optimizer steps done so far.

    trained: `step`, `loss` and `lr`, the rate that the step was taken with. scored: `step` and a `dev/…` for each
    figure that is defined.
    """

    trained: list[dict[str, float]] = field(default_factory=list)
    scored: list[dict[str, float]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write folder/loss.csv, lr.csv and development.csv."""
        for name in TRAINED:
            write_rows(folder / f"{name}.csv", ["step", name], self.trained)
        self.write_scored(folder)

    def write_scored(self, folder: Path) -> None:
        """Write folder/development.csv, whose columns are known when all scorings are."""
        plain = [{name.removeprefix("dev/"): value for name, value in row.items()} for row in self.scored]
        figures = sorted({name for row in plain for name in row} - {"step"})
        write_rows(folder / "development.csv", ["step", *figures], plain)

    def add(self, rows: Sequence[dict[str, float]], folder: Path | None) -> None:
        """Keep rows of `trained`, and append them to folder/loss.csv and lr.csv, which `write` wrote."""
        self.trained += rows
        if folder is None or not rows:
            return
        for name in TRAINED:
            _append(folder / f"{name}.csv", ["step", name], rows)


def _append(path: Path, columns: Sequence[str], rows: Sequence[dict[str, float]]) -> None:
    """Add rows to a file that `write_rows` wrote, for readers that follow it: in one write, of whole lines."""
    lines = io.StringIO(newline="")
    csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n").writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(lines.getvalue().encode())
