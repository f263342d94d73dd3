"""The tutorial's commands, as they are written and in their order, in a clone whose model is small."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from compose import main as write_receipt
from documented import Block, blocks

from terna import Encoder

# a tenth of the default's work: what a command does is the same
SMALL = {
    "conf/train/smoke.yaml": {"epochs": 1},
    "conf/model/tiny.yaml": {"scratch": {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32}},
    "conf/machine/cpu.yaml": {"progress": False},
}


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in a Git repository of its own, set up as `make` would, with a smaller model."""
    folder: Path = tmp_path_factory.mktemp("clone")
    for name in ("conf", "pipelines", "samples", "src", ".dvc"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("tmp", "cache", "__pycache__"))
    for name in ("dvc.yaml", "Makefile", "pyproject.toml", "requirements.lock", ".gitignore", ".dvcignore"):
        shutil.copy(root / name, folder / name)
    for name, change in SMALL.items():
        path = folder / name
        settings = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(merged(settings, change)))
    write_receipt(folder, [])
    (folder / ".venv").mkdir()
    (folder / ".venv" / "ready").touch()
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True)
    return folder


def merged(settings: dict[str, object], change: dict[str, object]) -> dict[str, object]:
    for key, value in change.items():
        old = settings[key]
        settings[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return settings


def run(block: Block, clone: Path) -> str:
    """What a block prints, in a shell that has this Python before any other."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(clone / "src"), "DVC_NO_ANALYTICS": "1"}
    env["COLUMNS"] = "400"  # a table is cut to the terminal's width
    env |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    program = ["bash", "-euc"] if block.language == "sh" else [sys.executable, "-c"]
    done = subprocess.run([*program, block.body], cwd=clone, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.body}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def told(root: Path, clone: Path) -> dict[str, str]:
    """What each block that is run printed, by its first line."""
    page = (root / "docs" / "tutorial.md").read_text(encoding="utf-8")
    return {
        block.body.split("\n", 1)[0]: run(block, clone) for block in blocks(page, "sh", "python") if not block.reason
    }


def test_every_command_of_the_tutorial_runs_as_written(told: dict[str, str], clone: Path) -> None:
    assert len(told) >= 8
    assert "| this model | measured |" in told["make run"]
    [compared] = [printed for command, printed in told.items() if command.startswith("dvc exp show")]
    assert "lower-rate" in compared
    assert "cosine_pearson" in compared
    assert "train.lr" in compared
    assert "0.0003" in compared
    assert "holds" in told["make verify"]


def test_the_pairs_of_its_reader_were_trained_on(told: dict[str, str], clone: Path) -> None:
    assert told
    own = json.loads((clone / "data" / "triplets" / "stats.json").read_text())["corpora"]["own"]
    assert (own["read"], own["kept"], own["triplets"]) == (4, 4, 4)


def test_its_programs_give_the_vectors_of_the_last_run(told: dict[str, str], clone: Path) -> None:
    encoder = Encoder.load(clone / "models" / "encoder")
    [searched] = [printed for command, printed in told.items() if command.startswith("printf 'El tren")]
    assert searched.count("\n") > 3
    table = pq.read_table(clone / "my" / "vectors.parquet")
    found = np.stack(table["vector"].to_numpy(zero_copy_only=False))
    np.testing.assert_allclose(found, encoder.encode(table["text"].to_pylist()), atol=1e-5)
    [printed] = [printed for command, printed in told.items() if command.startswith("from sentence_transformers")]
    one, other = encoder.encode(["El tren llega tarde.", "El tren viene con retraso."])
    cosine = float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    assert f"{cosine:.3f}" in printed
