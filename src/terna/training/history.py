"""The curves of a run → tidy CSV files, one a plot."""

from dataclasses import dataclass, field
from pathlib import Path

from terna.records import write_rows


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
        write_rows(folder / "loss.csv", ["step", "loss"], self.trained)
        write_rows(folder / "lr.csv", ["step", "lr"], self.trained)
        plain = [{name.removeprefix("dev/"): value for name, value in row.items()} for row in self.scored]
        figures = sorted({name for row in plain for name in row} - {"step"})
        write_rows(folder / "development.csv", ["step", *figures], plain)
