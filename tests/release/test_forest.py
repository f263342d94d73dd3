"""README's figure: the committed figures, drawn; a row that cannot be is refused."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from figure import main as draw

from terna.records import read_record
from terna.release.report.forest import MODES, Row, forest

ROWS = [Row("one", "baseline", 0.5, (0.4, 0.6)), Row("two", "trained", 0.7, None)]


def told(root: Path) -> list[Row]:
    rows: list[Row] = read_record(root / "docs/figures/sts2015_es.json", {"rows": list[Row]}, "")["rows"]
    return rows


def test_each_figure_is_one_that_the_results_page_tells(root: Path) -> None:
    page = (root / "docs" / "results.md").read_text(encoding="utf-8")
    figures = {round(float(found), 3) for found in re.findall(r"(?<!\d)0?\.\d{3,4}\b", page)}
    assert not [row for row in told(root) if row.value not in figures]
    assert not [row for row in told(root) if row.interval and not set(row.interval) <= figures]


def test_the_committed_pictures_are_these_figures_drawn(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if f"matplotlib=={version('matplotlib')}" not in (root / "requirements.lock").read_text().split():
        pytest.skip("another version of matplotlib than the lock's draws other bytes")
    folder = tmp_path / "docs" / "figures"
    folder.mkdir(parents=True)
    (folder / "sts2015_es.json").write_bytes((root / "docs/figures/sts2015_es.json").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "pipelines" / "figure.py")])
    draw()
    for mode in MODES:
        name = f"sts2015_es-{mode}.svg"
        assert (folder / name).read_bytes() == (root / "docs" / "figures" / name).read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_a_wider_interval_is_a_longer_line(mode: str) -> None:
    def lengths(rows: list[Row]) -> list[float]:
        ends = re.findall(
            r'd="M ([\d.]+) [\d.]+ \nL ([\d.]+) [\d.]+ \n?" [^>]*style="fill: none; stroke: #8c959f',
            forest("", rows, mode),
        )
        return [float(high) - float(low) for low, high in ends if high != low]

    (short,), (long,) = lengths(ROWS), lengths([Row("one", "baseline", 0.5, (0.3, 0.6)), ROWS[1]])
    assert long > short > 0


@pytest.mark.parametrize(
    ("kind", "interval", "message"),
    [
        ("floor", (0.4, 0.6), "one: kind 'floor'; allowed are baseline, published, start, trained"),
        ("baseline", (0.6, 0.7), "one: 0.5 is not between 0.6 and 0.7"),
    ],
)
def test_a_row_that_cannot_be_is_refused(kind: str, interval: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Row("one", kind, 0.5, interval)
