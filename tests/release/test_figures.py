"""What prints figures prints those that the stages measured, or none: edited ones are refused by name."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from card_inputs import settings_of
from lineage_inputs import put, run_line, train
from search import as_written

from terna.errors import DataError
from terna.records import read_json
from terna.release.figures import figures
from terna.settings import Settings

# what the report reads, with the stage that wrote it
READ = {
    "data/triplets/stats.json": "triplets",
    "metrics/train.json": "train",
    "metrics/sts.json": "evaluate",
    "metrics/diagnosis.json": "evaluate",
    "plots/loss.csv": "train",
    "plots/lr.csv": "train",
    "plots/development.csv": "train",
    "predictions/sts-sample-dev.parquet": "evaluate",
    "predictions/sts-sample-test.parquet": "evaluate",
}


@pytest.fixture
def settings(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a project that has run; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    return run_line(root, tmp_path)


@pytest.fixture
def report(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """A function that runs the report stage after a release, on records of what is no page's content; what it says."""

    def call(script: str = "report") -> str:
        monkeypatch.setattr(sys, "argv", [str(Path("pipelines").resolve() / f"{script}.py")])
        runpy.run_path(sys.argv[0], run_name="__main__")
        return capsys.readouterr().err

    def refused() -> str:
        with pytest.raises(SystemExit) as ended:
            call()
        assert ended.value.code == 1
        assert not Path("reports/index.html").exists()
        return capsys.readouterr().err

    call("release")
    return refused


def test_a_report_refuses_each_file_that_is_not_as_its_stage_wrote_it(report: Callable[[], str]) -> None:
    assert report().startswith("DataError: plots/loss.csv: no rows of")  # the made-up files passed the check
    for path, stage in READ.items():
        before = Path(path).read_text()
        put(path, before + " ")
        told = report()
        assert told.startswith(f"DataError: {stage}: {path} has sha256 "), path
        assert told.endswith(f"run its stage again (dvc repro {stage})\n") and told.count("\n") == 1
        assert ("dvc checkout" in told) == (not path.startswith("metrics/")), "DVC keeps no copy of metrics/"
        Path(path).unlink()
        assert f"{stage}: {path}, which it wrote with sha256 " in report()
        put(path, before)


def test_a_report_of_a_lineage_that_was_edited_is_refused(report: Callable[[], str]) -> None:
    put("release/lineage.json", Path("release/lineage.json").read_text().replace('"threads": 2', '"threads": 3'))
    assert "release/lineage.json: chain.train.threads is 3, expected 2, as the records have it" in report()


def test_a_report_of_a_release_before_another_training_is_refused(root: Path, report: Callable[[], str]) -> None:
    train(settings_of(root, "train.lr=5e-3"))
    assert "release/lineage.json: chain.train.settings.train.lr is 0.001, expected 0.005, as the rec" in report()


def test_figures_are_those_that_evaluate_wrote(settings: Settings) -> None:
    assert "sts-sample-test" in figures(settings)
    put("metrics/sts.json", "{}")
    with pytest.raises(DataError, match=r"^evaluate: metrics/sts\.json has sha256 .*again \(dvc repro evaluate\)$"):
        figures(settings)
    Path("predictions/made.json").unlink()
    with pytest.raises(DataError, match=r"^predictions/made\.json: not there; run the stage that writes it"):
        figures(settings)


def test_a_search_takes_the_figures_of_a_trial_as_training_wrote_them(settings: Settings, tmp_path: Path) -> None:
    trial = tmp_path  # a trial's folder holds what a training leaves
    path = Path("metrics/train.json")
    assert read_json(as_written(trial, path))["backbone_commit"] == "7e" * 20
    put(str(trial / path), (trial / path).read_text() + " ")
    with pytest.raises(DataError, match=r"train\.json: not as training wrote it; delete .*trains the trial again$"):
        as_written(trial, path)
