"""Several seeds in one command: a real project, a real DVC, the workspace left as it was."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import seeds

pytestmark = pytest.mark.slow

TINY = (
    "experiment=scratch",
    "train.epochs=1",
    "model.scratch.hidden_size=16",
    "model.scratch.heads=2",
    "machine.progress=false",
)


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The project in a Git repository of its own, with one commit."""
    for name in ("conf", "pipelines", "samples", "src", ".dvc"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("tmp", "cache", "__pycache__"))
    for name in ("dvc.yaml", "dvc.lock", "params.yaml", "pyproject.toml", ".gitignore", ".dvcignore"):
        shutil.copy(root / name, tmp_path / name)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path, check=True)
    return tmp_path


def call(project: Path, *words: str, script: str = "seeds") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(project / "src"), "DVC_NO_ANALYTICS": "1"}
    env |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = [sys.executable, str(project / "pipelines" / f"{script}.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=project)


def state(project: Path) -> tuple[str, dict[str, bytes]]:
    status = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True, text=True, check=True)
    tracked = ("params.yaml", "dvc.lock", "pipelines/compose.py")
    return status.stdout, {name: (project / name).read_bytes() for name in tracked}


def test_two_seeds_run_are_told_and_are_not_run_again(project: Path) -> None:
    changed = project / "pipelines" / "compose.py"
    changed.write_text(changed.read_text() + "# not committed\n")
    before, options = state(project), [option for word in TINY for option in ("-S", word)]
    first = call(project, "5", "4", *options)
    assert first.returncode == 0, first.stdout + first.stderr
    assert state(project) == before
    assert not (project / "models").exists()
    [written] = (project / "seeds").glob("*.json")
    told = json.loads(written.read_text())
    assert [run["seed"] for run in told["runs"]] == [5, 4]
    name = told["runs"][1]["experiment"]
    committed = ["git", "show", f"{ref_of(project, name)}:metrics/scores.json"]
    scores = json.loads(subprocess.run(committed, cwd=project, capture_output=True, check=True).stdout)
    for benchmark, figures in scores.items():
        for figure, value in figures.items():
            assert told["spread"][benchmark][figure]["runs"][1] == pytest.approx(value, abs=1e-12)
    assert "| cosine_pearson |" in first.stdout
    mean = told["means"]["sts-sample-test"]
    assert mean["value"] == pytest.approx(told["spread"]["sts-sample-test"]["cosine_pearson"]["mean"], abs=1e-12)
    assert mean["low"] < mean["value"] < mean["high"]
    assert [one["system"] for one in mean["comparisons"]][-1] == "TF-IDF, characters"
    assert f"mean of 2 runs: cosine_pearson {mean['value']:.4f}, 95 % interval" in first.stdout
    soup = call(project, "--experiments", name, script="soup")
    fetched = project / "soups" / name / "encoder" / "modules.json"
    assert fetched.is_file(), soup.stderr
    again = call(project, "4", "5", *options)
    assert again.stdout.count("is there") == 2, again.stdout + again.stderr
    failing = call(project, "5", *options, "-S", "train.lr=1e12")
    assert failing.returncode == 1
    assert "Seed 5 failed: " in failing.stdout
    assert "train.lr" in failing.stdout
    assert call(project, "4", *options).returncode == 0
    assert state(project) == before


def ref_of(project: Path, name: str) -> str:
    listed = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)", "refs/exps"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    return next(ref for ref in listed.stdout.split() if ref.endswith(f"/{name}"))


def test_unsound_settings_are_refused_before_anything_runs(project: Path) -> None:
    done = call(project, "1", "-S", "train.batch_size=1")
    assert done.returncode == 1
    assert "SettingsError: 1 fault in the settings:\n  train.batch_size: " in done.stderr
    assert not (project / "seeds").exists()


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ([], "default"),
        (["experiment=minilm_esxnli"], "minilm_esxnli"),
        (["experiment=sample", "train.lr=1e-4"], "sample-train-lr-1e-4"),
    ],
)
def test_experiments_are_called_after_their_settings(words: list[str], short: str) -> None:
    assert seeds.label(words) == short
