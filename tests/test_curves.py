"""The run's log becomes tidy files: a row a step of training, a row a scoring, steps as optimizer steps done."""

import csv
from pathlib import Path

import pytest

from terna.curves import write_curves
from terna.errors import DataError

# as Lightning writes it: a scoring at the start, two steps, a scoring after them, the columns sorted
LOG = """\
dev/cosine_pearson,dev/triplet_accuracy,epoch,loss,lr,step
0.25,0.5,,,,0
,,0,1.5,0.0,0
,,0,1.25,0.001,1
0.75,,,,,2
,,1,0.0,0.0005,2
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "metrics.csv"
    path.parent.mkdir()
    path.write_text(LOG, encoding="utf-8")
    return path


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_training_steps_are_counted_from_one_when_they_are_done(log: Path, tmp_path: Path) -> None:
    write_curves(log, tmp_path / "plots")
    assert rows(tmp_path / "plots" / "loss.csv") == [["step", "loss"], ["1", "1.5"], ["2", "1.25"], ["3", "0.0"]]
    assert rows(tmp_path / "plots" / "lr.csv") == [["step", "lr"], ["1", "0.0"], ["2", "0.001"], ["3", "0.0005"]]


def test_a_scoring_stands_at_the_steps_done_before_it_with_a_gap_where_a_figure_is_undefined(
    log: Path, tmp_path: Path
) -> None:
    write_curves(log, tmp_path / "plots")
    assert rows(tmp_path / "plots" / "development.csv") == [
        ["step", "cosine_pearson", "triplet_accuracy"],
        ["0", "0.25", "0.5"],
        ["2", "0.75", ""],
    ]


def test_the_files_are_the_three_and_their_lines_end_alike_on_every_system(log: Path, tmp_path: Path) -> None:
    write_curves(log, tmp_path / "plots")
    files = sorted((tmp_path / "plots").iterdir())
    assert [path.name for path in files] == ["development.csv", "loss.csv", "lr.csv"]
    assert not any(b"\r" in path.read_bytes() for path in files)


@pytest.mark.parametrize("content", ["", "epoch,loss,lr,step\n"])
def test_a_run_that_logged_nothing_gives_files_with_a_heading_alone(log: Path, tmp_path: Path, content: str) -> None:
    log.write_text(content, encoding="utf-8")
    write_curves(log, tmp_path / "plots")
    assert [rows(path) for path in sorted((tmp_path / "plots").iterdir())] == [
        [["step"]],
        [["step", "loss"]],
        [["step", "lr"]],
    ]


def test_a_missing_log_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: the run wrote no log; train again"):
        write_curves(tmp_path / "nowhere.csv", tmp_path / "plots")
