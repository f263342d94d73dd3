"""A project of the benchmarks' own, in which the stages before training are run: what training then reads."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from workload import OUT, ROOT

from terna.settings import Settings
from terna.training.setup import Inputs

FOLDER = OUT / "project"
STAGES = ("fetch", "parallel", "translate", "triplets", "mine", "tokens", "teacher")
COMPOSED = ("--config-path=..", "--config-name=params")


def prepared(settings: Settings, folder: Path = FOLDER) -> Inputs:
    """What the stages make of these settings, in `folder`; raw files that are there are not fetched again.

    Corpora come from TERNA_MIRROR or their addresses. SystemExit when a stage fails: its message stands above.
    """
    for name in ("conf", "pipelines", "samples"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True, ignore=ignored)
    # what is JSON is YAML
    (folder / "params.yaml").write_text(json.dumps(asdict(settings)), encoding="utf-8")
    for stage in STAGES:
        done = subprocess.run([sys.executable, str(folder / "pipelines" / f"{stage}.py"), *COMPOSED])
        if done.returncode:
            sys.exit(f"{folder}: the stage {stage} ended with status {done.returncode}; its message stands above")
    return loaded(settings, folder)


def loaded(settings: Settings, folder: Path = FOLDER) -> Inputs:
    """The same without running a stage."""
    data = folder / "data"
    return Inputs.load(data / "tokens", data / "teacher" if settings.train.is_taught else None)
