"""A search on the sample corpus: real trials, no test set within reach, the same after a kill."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import sweep_inputs
from composed import small
from pyarrow import csv
from sweep_inputs import digests, run

from terna import Encoder
from terna.data.corpora import read_sts
from terna.metrics.similarity import pairwise
from terna.settings import compose, load

pytestmark = pytest.mark.slow

pytest.importorskip("optuna")

SPACE = "train.lr=log(1e-4,1e-2) train.warmup=0.0:0.2 train.scale=20.0,40.0"


@pytest.fixture
def project(ready: Path, tmp_path: Path) -> Path:
    """A project without its test benchmark: a search that opened it would fail."""
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "data" / "raw" / "sts" / "sts-sample-test")
    return tmp_path


def test_two_trials_run_apart_are_scored_on_development_data_and_go_on_after_a_kill(project: Path) -> None:
    before = digests(project / "data")
    done = run(project, "search", "--trials", "2", "--finals", "0", SPACE)
    assert done.returncode == 0, done.stderr
    assert digests(project / "data") == before
    assert not any((project / name).exists() for name in ("models", "metrics", "checkpoints"))
    assert [path.name for path in (project / "logs").iterdir()] == ["composed.json"]  # by compose.py, before
    [written] = (project / "search").glob("*.json")
    found = json.loads(written.read_text())
    assert [one["number"] for one in found["trials"]] == [0, 1]
    for one in found["trials"]:
        assert_told_as_it_ran(written.with_suffix("") / str(one["number"]), one)
    best = max(found["trials"], key=lambda one: one["score"])
    assert found["best"] == best["number"]
    assert development_score(project, written.with_suffix("") / str(best["number"])) == pytest.approx(best["score"])
    kept = [path.parent.parent.name for path in written.with_suffix("").glob("*/models/encoder")]
    assert kept == [str(best["number"])]
    lines = written.with_suffix(".md").read_text().splitlines()
    assert next(line for line in lines if line.startswith("| 0 ")) in done.stdout
    assert killed_and_gone_on(project, written) == found


def assert_told_as_it_ran(folder: Path, one: dict[str, object]) -> None:
    settings = load(compose(folder, [], "params"))
    name = folder.parent.name
    assert (settings.logger.name, settings.logger.group) == (f"{name}/{folder.name}", name)
    ran = {"train.lr": settings.train.lr, "train.warmup": settings.train.warmup, "train.scale": settings.train.scale}
    assert {key: float(value) for key, value in (word.split("=") for word in one["words"])} == ran
    assert 1e-4 <= settings.train.lr <= 1e-2
    curve = csv.read_csv(folder / "plots" / "development.csv").to_pylist()
    assert one["score"] == max(row["cosine_pearson"] for row in curve if row["step"])


def development_score(project: Path, folder: Path) -> float:
    settings = load(compose(folder, [], "params")).evaluate
    name = settings.select_on
    table = read_sts(name, settings.benchmarks[name], project / "data" / "raw" / "sts" / name)
    encoder = Encoder.load(folder / "models" / "encoder")
    first, second = (encoder.encode(table[side].to_pylist()) for side in ("sentence1", "sentence2"))
    return float(np.corrcoef(pairwise(first, second)["cosine"], table["gold"].to_numpy())[0, 1])


def killed_and_gone_on(project: Path, written: Path) -> dict[str, object]:
    """What the same search writes that is killed, with its trial, in its second trial."""
    shutil.rmtree(project / "search")
    process = sweep_inputs.start(project, "search", "--trials", "2", "--finals", "0", SPACE)
    for _ in range(2400):
        if (written.with_suffix("") / "1" / "params.yaml").exists():
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(json.loads(written.read_text())["trials"]) == 1
    again = run(project, "search", "--trials", "2", "--finals", "0", SPACE)
    assert again.returncode == 0, again.stderr
    assert "1 of 2 trials are there" in again.stdout
    return dict(json.loads(written.read_text()))


def test_the_finals_rank_the_best_trials_and_the_start_over_the_seeds_and_are_the_same_after_a_kill(
    project: Path,
) -> None:
    seed = load(compose(project, [], "params")).seed
    words = ("--trials", "3", "--finals", "2", "--seeds", f"{seed} 5", SPACE)
    done = run(project, "search", *words)
    assert done.returncode == 0, done.stderr
    [written] = (project / "search").glob("*.json")
    folder, found = written.with_suffix(""), json.loads(written.read_text())
    best, second, _ = sorted(found["trials"], key=lambda one: -one["score"])
    runs = {f"trial {one['number']}": [f"{one['number']}", f"{one['number']}-seed-5"] for one in (best, second)}
    expected = {name: [figure(folder / each, "kept") for each in folders] for name, folders in runs.items()}
    expected["the start"] = [figure(folder / each, "start") for each in next(iter(runs.values()))]
    standings = found["finals"]["standings"]
    assert {one["system"]: one["runs"] for one in standings} == {
        name: pytest.approx(values, abs=1e-12) for name, values in expected.items()
    }
    means = [one["mean"] for one in standings]
    assert means == sorted(means, reverse=True)
    assert found["finals"]["tied"] == [one["system"] for one in standings[1:] if one["low"] <= 0 <= one["high"]]
    assert done.stdout.splitlines()[-1].startswith(
        f"search: best: {standings[0]['system']}, {means[0]:.4f} in the mean"
    )
    assert {path.parent.parent.name for path in folder.glob("*/models/encoder")} == {
        each for one in runs.values() for each in one
    }
    assert killed_in_its_finals(project, folder / runs[f"trial {second['number']}"][1], words) == found


def figure(folder: Path, column: str) -> float:
    """The score of the kept weights or of the start, told twice: by the pairs and by the run's own figures."""
    outcomes = pq.read_table(folder / "plots" / "outcomes.parquet")
    settings = load(compose(folder, [], "params")).evaluate
    gold = read_sts(
        settings.select_on,
        settings.benchmarks[settings.select_on],
        folder.parents[2] / "data" / "raw" / "sts" / settings.select_on,
    )["gold"]
    found = float(np.corrcoef([one for [one] in outcomes[column].to_pylist()], gold)[0, 1])
    told = json.loads((folder / "metrics" / "train.json").read_text())
    assert found == pytest.approx(told["selected_score" if column == "kept" else "start_score"], abs=1e-9)
    return found


def killed_in_its_finals(project: Path, last: Path, words: tuple[str, ...]) -> dict[str, object]:
    """What the same search writes that is killed in its last run and given again."""
    shutil.rmtree(last)
    process = sweep_inputs.start(project, "search", *words)
    for _ in range(2400):
        if (last / "params.yaml").exists():
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (last / "models" / "made.json").exists()
    again = run(project, "search", *words)
    assert again.returncode == 0, again.stderr
    return dict(json.loads(last.parent.with_suffix(".json").read_text()))


def test_a_trial_that_fails_is_told_with_its_reason_and_the_search_goes_on(project: Path) -> None:
    words = ("--finals", "0", "train.lr=1e-3,1e30", "train.clip=0.0")
    done = run(project, "search", "--trials", "4", *words)
    assert done.returncode == 0, done.stderr
    [written] = (project / "search").glob("*.json")
    trials = json.loads(written.read_text())["trials"]
    assert {one["words"][0] for one in trials} == {"train.lr=0.001", "train.lr=1e+30"}
    for one in trials:
        assert (one["score"] is None) == (one["words"][0] == "train.lr=1e+30")
        assert one["failed"] is None or one["failed"].startswith("ModelError: the loss of step ")
    assert len(list(written.with_suffix("").glob("*/log.txt"))) == 2, "equal settings are trained once"
    assert "failed: ModelError" in written.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.lr=log(1e-4,1e-2)", "evaluate.select_on=a,b"], "evaluate.select_on: a search is over train."),
        (["seed=1,2"], "seed: a search is over train."),
        (["machine.workers=1,2"], "machine.workers: a search is over train."),
        (["train.rate=0.1,0.2"], "train.rate: unknown key"),
        (["train.warmup=0.5:1.5"], "train.warmup: 1.5 is not allowed; give a number of at most 1"),
        (["train.epochs=0.5:2"], "train.epochs=0.5:2: a whole number is wanted here"),
        (["train.lr=log(0,1)"], "train.lr=log(0,1): a range rises, and on a log scale it starts above 0"),
        (["train.precision=0:1"], "train.precision=0:1: a range needs numbers; list the values"),
        (["train.lr=1e-3,1e-4", "train.lr=1e-5,1e-6"], "train.lr: given twice"),
        (["train.lr=1e-3"], "nothing to search for"),
        (["train.lr"], "train.lr: no value; give key=value"),
        (["train.lr=1e-3,1e-4,train.warmup=0.1"], "two settings in one word; put a space before train.warmup"),
        (["train.lr=log(1e-5,1e-4)train.batch_size=8"], "two settings in one word; put a space before train.batch_"),
        (["--finals", "-1", "train.lr=1e-3,1e-4"], "argument --finals: '-1': a whole number from 0 is needed"),
        (["--seeds", "1 x", "train.lr=1e-3,1e-4"], "argument --seeds: 'x': a whole number from 0 is needed"),
        (["--seeds", " ", "train.lr=1e-3,1e-4"], "argument --seeds: no seed"),
        (
            ["--seeds", "4294967296", "train.lr=1e-3,1e-4"],
            "seed: 4294967296 is not allowed; give a number below 4294967296",
        ),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_it_starts(project: Path, words: list[str], message: str) -> None:
    done = run(project, "search", *words)
    assert done.returncode == 1, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "search").exists()


def test_a_replication_which_chooses_on_a_test_set_is_refused(project: Path) -> None:
    words = ("evaluate.select_on=sts-sample-test", "evaluate.replication=true")
    assert run(project, "compose", *small(words)).returncode == 0
    done = run(project, "search", "train.lr=1e-3,1e-4")
    assert done.returncode == 1
    assert "a search chooses on development data, and sts-sample-test is a test benchmark" in done.stderr


def test_a_second_search_of_the_same_name_is_refused_while_the_first_runs(project: Path) -> None:
    process = sweep_inputs.start(project, "search", "--trials", "1", "train.lr=1e-3,1e-4", "train.epochs=600")
    for _ in range(2400):
        if list((project / "search").glob("*/0/log.txt")):
            break
        time.sleep(0.02)
    second = run(project, "search", "--trials", "1", "train.lr=1e-3,1e-4", "train.epochs=600")
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143
    assert second.returncode == 1
    assert f"process {process.pid} has worked here since" in second.stderr
