"""The curves of a run become tidy files: a row a step of training, a row a scoring, steps as optimizer steps done."""

import csv
from pathlib import Path

import pytest

from terna.training.history import Curves

CURVES = Curves(
    trained=[
        {"step": 1, "loss": 1.5, "lr": 0.0},
        {"step": 2, "loss": 1.25, "lr": 0.001},
        {"step": 3, "loss": 0.0, "lr": 0.0005},
    ],
    scored=[
        {"step": 0, "dev/triplet_accuracy": 0.5, "dev/cosine_pearson": 0.25},
        {"step": 2, "dev/cosine_pearson": 0.75},
    ],
)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_each_step_has_its_loss_and_the_rate_that_it_was_taken_with(tmp_path: Path) -> None:
    CURVES.write(tmp_path)
    assert rows(tmp_path / "loss.csv") == [["step", "loss"], ["1", "1.5"], ["2", "1.25"], ["3", "0.0"]]
    assert rows(tmp_path / "lr.csv") == [["step", "lr"], ["1", "0.0"], ["2", "0.001"], ["3", "0.0005"]]


def test_a_figure_that_was_undefined_in_a_scoring_leaves_a_gap(tmp_path: Path) -> None:
    CURVES.write(tmp_path)
    assert rows(tmp_path / "development.csv") == [
        ["step", "cosine_pearson", "triplet_accuracy"],
        ["0", "0.25", "0.5"],
        ["2", "0.75", ""],
    ]


@pytest.mark.parametrize("curves", [CURVES, Curves()])
def test_the_files_are_the_three_and_their_lines_end_alike_on_every_system(curves: Curves, tmp_path: Path) -> None:
    curves.write(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["development.csv", "loss.csv", "lr.csv"]
    assert not any(b"\r" in path.read_bytes() for path in files)
    assert all(path.read_bytes() for path in files)
