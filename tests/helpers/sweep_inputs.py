"""A project of its own on the sample corpus with a very small model, ready to train, and scripts run in it."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from composed import small_by_default
from stages import stages_before
from warm import Warm

SMALLEST = (
    "model.scratch={vocab_size:300,hidden_size:16,layers:1,heads:2,intermediate_size:32}",
    "train.epochs=1",
    "train.batch_size=64",
    "machine.progress=false",
)
COMPOSED = ("--config-path=..", "--config-name=params")


def make(root: Path, folder: Path) -> None:
    """Copy what a run needs and run the stages up to the tokens."""
    for name in ("conf", "pipelines", "samples"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    small_by_default(folder)
    for line in (["compose", *SMALLEST], *([stage, *COMPOSED] for stage in stages_before("train"))):
        done = run(folder, *line)
        assert done.returncode == 0, done.stderr


def start(project: Path, script: str, *words: str) -> subprocess.Popen[str]:
    """A script of the project, in a session of its own, so that it can be killed with what it started."""
    pipe = subprocess.PIPE
    line = [sys.executable, *_line(project, script, words)]
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, cwd=project, env=_env(), start_new_session=True)


def run(project: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A script of the project, to its end."""
    if done := WARM.run(_env(), project, _line(project, script, words)):
        return done
    process = start(project, script, *words)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _env() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


WARM = Warm(_env())


def _line(project: Path, script: str, words: Sequence[str]) -> list[str]:
    return [str(project / "pipelines" / f"{script}.py"), *words]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
