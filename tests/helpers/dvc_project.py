"""A project of DVC that holds a script of pipelines/ and files, in a Git repository with one commit."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

DVC = (sys.executable, "-m", "dvc")


def committed(root: Path, folder: Path, script: str, files: Mapping[str, str]) -> Callable[..., str]:
    """Make it in `folder`; a function that runs a command there and gives what it prints."""
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "DVC_NO_ANALYTICS": "1"}
    env |= {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def call(*words: str) -> str:
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "pipelines").mkdir()
    shutil.copy(root / "pipelines" / script, folder / "pipelines")
    call("git", "init", "-qb", "main")
    call(*DVC, "init", "-q")
    call("git", "add", "-A")
    call("git", "commit", "-qm", "all")
    return call
