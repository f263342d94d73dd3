"""A sweep from the command line: every job in a folder of its own, the same bytes as by hand, nothing overwritten."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import sweep_inputs
import yaml
from sweep_inputs import COMPOSED, digests, run

from terna.running import jobs


@pytest.fixture
def project(ready: Path, tmp_path: Path) -> Path:
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.slow
def test_two_jobs_have_a_folder_each_and_give_the_bytes_of_the_same_runs_by_hand(project: Path) -> None:
    by_hand = run(project, "train", *COMPOSED, "train.lr=0.001")
    assert by_hand.returncode == 0, by_hand.stderr
    before = {name: digests(project / name) for name in ("data", "models", "metrics", "plots")}
    done = run(project, "train", *COMPOSED, "-m", "train.lr=0.001,0.01", "train.warmup=0.1")
    assert done.returncode == 0, done.stderr
    assert {name: digests(project / name) for name in before} == before
    low, high = (project / "multirun" / f"train.lr={lr},train.warmup=0.1" for lr in ("0.001", "0.01"))
    for name in ("models", "plots"):
        assert digests(low / name) == before[name]
        assert digests(high / name).keys() == before[name].keys()
        assert digests(high / name) != before[name]
    composed = yaml.safe_load((high / "params.yaml").read_text())
    assert (composed["train"]["lr"], composed["logger"]["name"]) == (0.01, high.name)
    assert json.loads((high / "metrics" / "train.json").read_text())["steps"] > 0
    assert (high / "logs" / "csv" / "metrics.csv").is_file()


@pytest.mark.slow
def test_a_job_that_fails_is_named_and_the_others_run(project: Path) -> None:
    done = run(project, "train", *COMPOSED, "--multirun", "train.lr=-1,0.001", "train.epoch=1,2")
    assert done.returncode == 1
    assert "train.lr: -1 is not allowed; give a number above 0" in done.stderr
    assert "train.epoch: unknown key; did you mean train.epochs?" in done.stderr
    assert "4 jobs of the sweep failed:\n  multirun/train.lr=-1,train.epoch=1: status 1\n" in done.stderr
    mixed = run(project, "train", *COMPOSED, "--multirun", "train.lr=-1,0.001")
    assert "1 job of the sweep failed:\n  multirun/train.lr=-1: status 1\n" in mixed.stderr
    best = json.loads((project / "multirun" / "train.lr=0.001" / "metrics" / "train.json").read_text())[
        "selected_score"
    ]
    assert f"| `train.lr=0.001` | {best:.4f} |\n| `train.lr=-1` | failed |\n" in mixed.stdout
    assert (project / "multirun" / "train.lr=0.001" / "models" / "encoder" / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_sweep_that_is_asked_to_stop_leaves_its_job_able_to_go_on(project: Path) -> None:
    words = (*COMPOSED, "-m", "train.lr=0.001,0.01", "train.epochs=40")
    process = sweep_inputs.start(project, "train", *words)
    folder = project / "multirun" / "train.lr=0.001,train.epochs=40"
    wait_for(folder / "checkpoints" / "best-9.safetensors", process)
    os.kill(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "the same command resumes there" in err
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert not (project / "multirun" / "train.lr=0.01,train.epochs=40").exists()


def test_jobs_stand_by_their_score_and_what_has_none_comes_last(tmp_path: Path) -> None:
    made = []
    for name, score in (("low", 0.5), ("high", 0.75), ("undefined", None)):
        (tmp_path / name / "metrics").mkdir(parents=True)
        (tmp_path / name / "metrics" / "train.json").write_text(json.dumps({"selected_score": score}))
        made.append(jobs.Job(tmp_path / name, 0))
    made.append(jobs.Job(shutil.copytree(tmp_path / "high", tmp_path / "failed"), 1))  # an earlier run's score
    rows = [line.split(" | ") for line in jobs.scores(made).splitlines()[2:]]
    assert [row[1].removesuffix(" |") for row in rows] == ["0.7500", "0.5000", "–", "failed"]
    assert [row[0] for row in rows] == [f"| `{name}`" for name in ("high", "low", "undefined", "failed")]


def wait_for(path: Path, process: object) -> None:
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came; {process}")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("-m", "triplets.overlap=0.7,0.8"), ("hydra.run.dir=elsewhere",)])
def test_a_stage_that_writes_what_jobs_share_is_not_swept(project: Path, words: tuple[str, ...]) -> None:
    before = digests(project / "data")
    done = run(project, "triplets", *COMPOSED, *words)
    assert done.returncode == 1
    assert "triplets.py runs at the project's root alone; sweep with dvc exp run --queue" in done.stderr
    assert digests(project / "data") == before


@pytest.mark.slow
def test_a_backbone_in_the_project_is_found_from_a_folder_of_its_own(project: Path) -> None:
    assert run(project, "train", *COMPOSED).returncode == 0
    shutil.copytree(project / "models" / "encoder", project / "backbones" / "mine")
    started = ("model.backbone=backbones/mine", "model.scratch=null", "hydra.run.dir=apart/one")
    done = run(project, "train", *COMPOSED, *started)
    assert done.returncode == 0, done.stderr
    assert (project / "apart" / "one" / "models" / "encoder" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["train.lr=0.001", "model=beto"], "train.lr=0.001,model=beto"),
        (["model.backbone=pkg:a/b"], "model.backbone=pkg_a_b-6d1bed64"),
        (["train.lr=" + "1" * 300], None),
    ],
)
def test_a_folder_is_called_after_its_settings(words: list[str], name: str | None) -> None:
    found = jobs.folder_name(words)
    assert len(found) < 140
    assert name is None or found == name
    assert jobs.folder_name([*words, "train.warmup=0.1"]) != found


def test_a_run_is_named_for_the_loggers_unless_it_has_a_name() -> None:
    assert jobs.called(["a=1"], name="it's", group="g") == ["a=1", "logger.name='it\\'s'", "logger.group='g'"]
    assert jobs.called(["logger.name=x"], name="n") == ["logger.name=x"]


def test_names_that_look_alike_are_told_apart() -> None:
    assert len({jobs.folder_name([f"model.backbone={one}"]) for one in ("a/b", "a_b", "a:b", "a b")}) == 4
