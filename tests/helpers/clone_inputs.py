"""A clone of the project whose model is small, and blocks of a page run in it as they are written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from compose import write as write_params
from composed import small_by_default
from documented import Block

# a tenth of the default's work: what a command does is the same
SMALL = {
    "conf/train/smoke.yaml": {"epochs": 1},
    "conf/model/tiny.yaml": {"scratch": {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32}},
    "conf/machine/cpu.yaml": {"progress": False},
}


def make_clone(root: Path, folder: Path) -> None:
    """The project in a Git repository of its own, set up as `make` would, with a smaller model."""
    for name in ("conf", "pipelines", "samples", "src", ".dvc"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("tmp", "cache", "__pycache__"))
    for name in ("dvc.yaml", "Makefile", "pyproject.toml", "requirements.lock", ".gitignore", ".dvcignore"):
        shutil.copy(root / name, folder / name)
    for name, change in SMALL.items():
        path = folder / name
        path.write_text(yaml.safe_dump(_merged(yaml.safe_load(path.read_text()), change)))
    small_by_default(folder)
    write_params(folder, [])
    (folder / ".venv").mkdir()
    (folder / ".venv" / "ready").touch()
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True)


def run_block(block: Block, clone: Path) -> str:
    """What a block prints, in a shell that has this Python before any other."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(clone / "src"), "DVC_NO_ANALYTICS": "1"}
    env["COLUMNS"] = "400"  # a table is cut to the terminal's width
    env |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    program = ["bash", "-euc"] if block.language == "sh" else [sys.executable, "-c"]
    done = subprocess.run([*program, block.body], cwd=clone, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.body}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _merged(settings: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    for key, value in change.items():
        old = settings[key]
        settings[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return settings
