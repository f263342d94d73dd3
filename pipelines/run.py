"""Run the whole pipeline, and print the verdicts.

reads   params.yaml, dvc.yaml and the files that they name
does    `dvc repro`, without its advice on git
writes  what the stages write; on the terminal the verdict on each test benchmark, and the path of the report

    python pipelines/run.py        or: make run
"""

from terna.running.command import command
from terna.running.signals import INTERRUPTED, TERMINATED, Terminated

import logging
import sys
from pathlib import Path

import psutil
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError
from dvc.ui import ui
from omegaconf import OmegaConf

from terna.errors import DataError
from terna.settings import Settings, check_files, load

PAGE = Path("reports/index.html")
# which files to add to git, after each run
ADVICE = "dvc.repo.scm_context"
# what DVC warns of as it saves an output; this one is empty where no parallel corpus is chosen, as by default
EMPTY = ("dvc.output", "'%s' is empty.", "data/raw/parallel")


@command
def main() -> None:
    settings = checked()
    check_git()
    quieten()
    reproduce()
    # they take seconds to import: what can fail before them has failed
    from terna.evaluation.verdict import verdicts
    from terna.release.figures import figures

    for one in verdicts(settings.evaluate, figures(settings)):
        print(one.sentence())
    if settings.train.debug:
        print("A debug run (train.debug): its scores are no result.")
    print(f"Report: {PAGE}")


def checked() -> Settings:
    """The settings in params.yaml, whose faults DVC would tell without the remedy."""
    check_files(Path.cwd(), "params")
    return load(OmegaConf.load("params.yaml"))


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


def quieten() -> None:
    """Let DVC leave out its advice on git, and its warning of a folder that is empty by default."""
    logger, warning, folder = EMPTY
    logging.getLogger(ADVICE).setLevel(logging.WARNING)
    logging.getLogger(logger).addFilter(lambda said: (said.msg, *map(str, said.args or ())) != (warning, folder))


def reproduce() -> None:
    """`dvc repro` without its advice to push; what fails is told by DVC, and by the stage.

    Exits with status 1, or that of a stage which a signal ended. A stage that runs ends before we do.
    """
    ui.enable()
    try:
        with Repo() as repo:
            if not repo.reproduce():
                print("Data and pipelines are up to date.")
    except Terminated:
        end_children()
        raise
    except DvcException as error:
        status = next((one for one in (INTERRUPTED, TERMINATED) if f"exited with {one}" in str(error.__cause__)), None)
        if status is None:
            logging.getLogger("dvc").exception("")
        sys.exit(status or 1)


def end_children() -> None:
    """End the stage that DVC runs, which else would go on alone, and wait for it."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        child.terminate()
    psutil.wait_procs(children)


if __name__ == "__main__":
    main()
