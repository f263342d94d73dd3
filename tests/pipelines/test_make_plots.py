"""The page of curves: what it draws is what the files hold, and it asks for nothing from a network."""

import sys
from pathlib import Path

import pytest
from dvc_project import committed
from report_inputs import Page

from terna.release.report import render_curves

CURVES = {
    "loss": {"step": [1.0, 2.0], "loss": [2.5, 1.25]},
    "lr": {"step": [1.0, 2.0], "lr": [0.0, 0.001]},
    "development": {"step": [0.0, 2.0], "cosine_pearson": [0.125, 0.375]},
}
TOLD = [
    "loss: 2.5 at step 1, 1.25 at step 2, from 1.25 to 2.5.",
    "learning rate: 0 at step 1, 0.001 at step 2, from 0 to 0.001.",
    "cosine_pearson: 0.125 at step 0, 0.375 at step 2, from 0.125 to 0.375.",
]
FILES = {f"plots/{name}.csv": curve for name, curve in CURVES.items()}


def as_csv(curve: dict[str, list[float]]) -> str:
    rows = [",".join(curve), *(",".join(map(str, row)) for row in zip(*curve.values(), strict=True))]
    return "\n".join(rows) + "\n"


def test_the_page_has_a_plot_for_each_curve_of_each_run_and_asks_for_nothing() -> None:
    text = render_curves({"workspace": CURVES, "faint <holy>": CURVES}, "cosine_pearson")
    page = Page(text)
    assert not page.open
    assert page.tags & {"script", "iframe", "object", "embed"} == set()
    assert all(address.startswith(("#", "data:,")) for address in page.addresses)
    assert [title for level, title in page.headings if level == 2] == ["workspace", "faint <holy>"]
    assert len(page.ids) == len(set(page.ids))
    assert text.count("<svg ") == 6
    assert all(text.count(words) == 2 for words in TOLD)


def test_a_score_that_a_run_was_not_measured_by_is_left_out() -> None:
    assert render_curves({"workspace": CURVES}, "cosine_ap").count("<svg ") == 2


@pytest.mark.slow
def test_the_command_draws_the_workspace_and_commits(root: Path, tmp_path: Path) -> None:
    files = {name: as_csv(curve) for name, curve in FILES.items()} | {"dvc.yaml": "stages: {}\n"}
    call = committed(root, tmp_path, "plots.py", files | {"params.yaml": (root / "params.yaml").read_text()})
    (tmp_path / "plots" / "loss.csv").write_text("step,loss\n1,3.0\n")
    call(sys.executable, "pipelines/plots.py", "workspace", "main")
    text = (tmp_path / "dvc_plots" / "curves.html").read_text()
    assert "loss: 3 at step 1, 3 at step 1, from 3 to 3." in text
    assert all(words in text for words in TOLD)
