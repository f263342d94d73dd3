"""Run the whole pipeline, and end with what came out of it.

reads   params.yaml, dvc.yaml and what they name
does    `dvc repro`, without its advice on git
writes  what the stages write; on the terminal the verdict on each test benchmark, and where the report is

    python pipelines/run.py        or: make run
"""

import logging
import sys
from pathlib import Path

from dvc.cli import main as dvc
from dvc.repo import Repo
from dvc.scm import SCMError
from omegaconf import OmegaConf

from terna.errors import DataError
from terna.evaluation.verdict import verdicts
from terna.release.figures import figures
from terna.running.command import command
from terna.settings import load

PAGE = Path("reports/index.html")
# which files to add to git, after each run
ADVICE = "dvc.repo.scm_context"


@command
def main() -> None:
    logging.getLogger(ADVICE).setLevel(logging.WARNING)
    check_git()
    if status := dvc(["repro"]):
        sys.exit(status)
    settings = load(OmegaConf.load("params.yaml"))
    for one in verdicts(settings.evaluate, figures(settings)):
        print(one.sentence())
    print(f"Report: {PAGE}")


def check_git() -> None:
    """Raise DataError where there is no Git repository, which DVC needs unless its settings say otherwise."""
    try:
        with Repo() as repo:
            _ = repo.scm
    except SCMError as error:
        raise DataError(
            f"{Path.cwd()}: no Git repository, which DVC looks for; run `git init`, or `dvc config --local "
            "core.no_scm true` to run without one"
        ) from error


if __name__ == "__main__":
    main()
