"""conf/ edited after params.yaml was composed is told with its keys; what overrides say is no edit."""

import shutil
import subprocess
from pathlib import Path

import compose as script
import pytest
from composed import small_by_default

from terna.running import drift

RATE = "lr: 1.0e-3"


@pytest.fixture(scope="module")
def committed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conf/ and params.yaml in a Git repository with one commit."""
    folder: Path = tmp_path_factory.mktemp("committed")
    shutil.copytree(root / "conf", folder / "conf")
    small_by_default(folder)
    script.write(folder, [])
    (folder / drift.KEPT).unlink()  # a clone has none
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def project(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a stage that DVC runs."""
    shutil.copytree(committed, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DVC_STAGE", "local")
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    return tmp_path


def edit(project: Path, name: str = "train/smoke", old: str = RATE, new: str = "lr: 2.0e-3") -> None:
    path = project / "conf" / f"{name}.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_clone_says_nothing_until_conf_is_edited(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drift.notice(project) is None
    edit(project)
    assert drift.notice(project) == (
        "conf/ was edited after params.yaml was composed, and this run reads params.yaml; edited: train.lr. "
        "Compose it again: `make params`, or with overrides `make run SET=…`"
    )
    monkeypatch.delenv("DVC_STAGE")  # by hand, where conf/ is composed
    assert drift.notice(project) is None


def test_composing_anew_ends_it(project: Path) -> None:
    edit(project)
    script.write(project, [])
    assert drift.notice(project) is None
    edit(project, old="epochs: 6", new="epochs: 7")
    assert drift.drifted(project) == ["train.epochs"]


def test_overrides_are_no_edit_and_an_edit_beside_them_is(project: Path) -> None:
    script.write(project, ["experiment=minilm_es", "train.lr=0.5"])
    assert drift.notice(project) is None
    edit(project, "train/minilm", "epochs: 4", "epochs: 5")
    assert drift.drifted(project) == ["train.epochs"]
    edit(project, "train/minilm", "lr: 5.0e-5", "lr: 6.0e-5")  # the override stands above it
    edit(project, "train/smoke")  # no choice of this experiment
    assert drift.drifted(project) == ["train.epochs"]


def test_an_experiment_of_dvc_is_no_edit_whatever_its_overrides_and_conf_edited_after_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write(project, ["train.lr=0.5", "model.pooling=cls"])
    (project / drift.KEPT).unlink()  # DVC composes by itself
    edit(project, old="warmup: 0.1", new="warmup: 0.1 # a comment")
    monkeypatch.setenv("DVC_EXP_NAME", "tawny-owl")
    assert drift.notice(project) is None
    monkeypatch.delenv("DVC_EXP_NAME")
    assert drift.notice(project) is None
    edit(project, old="epochs: 6", new="epochs: 7")
    assert drift.drifted(project) == ["train.epochs"]


def test_a_params_file_that_came_by_git_is_told_of_with_edits_alone(project: Path) -> None:
    script.write(project, ["train.lr=0.5"])
    other = (project / "params.yaml").read_bytes()
    script.write(project, [])
    (project / "params.yaml").write_bytes(other)  # as `dvc exp apply` and `git checkout` do
    assert drift.notice(project) is None


def test_faults_of_conf_are_left_to_composing(project: Path) -> None:
    edit(project, new="lr: [")
    assert drift.notice(project) is None


def test_many_keys_are_counted(project: Path) -> None:
    (project / "conf" / "train" / "smoke.yaml").write_text((project / "conf/train/paper.yaml").read_text())
    edit(project, "train/smoke", "clip: 1.0", "clip: 2.0")
    edit(project, "train/smoke", "scale: 20.0\ncosent", "scale: 30.0\ncosent")
    said = drift.notice(project)
    assert said
    assert "train.batch_size, train.epochs, train.lr, train.warmup, train.scale and 1 more. Compose" in said
