"""Draw the curves of training on one page, also while it runs: without a script, so that it opens without a network.

reads   plots/ and params.yaml of the workspace; with names of experiments or of Git's commits, theirs from DVC's cache
does    draws loss, learning rate and the main development score
writes  dvc_plots/curves.html

    python pipelines/plots.py main faint-holy        or: make plots REVS="main faint-holy"
"""

from terna.running.command import worded

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import OmegaConf

from terna.errors import DataError, words_of
from terna.records import write_text
from terna.release.report import CURVES, read_curve, render_curves
from terna.settings import load

PLOTS = Path("plots")
OUT = Path("dvc_plots/curves.html")
WORKSPACE = "workspace"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("revisions", nargs="*", help="what to draw, one below the other; by default the workspace")


@worded(arguments)
def main(given: argparse.Namespace) -> str:
    score = load(OmegaConf.load("params.yaml")).evaluate.main_score
    found = {}
    for revision in given.revisions or [WORKSPACE]:
        with curves_of(revision) as folder:
            found[revision] = {name: read_curve(folder / f"{name}.csv", CURVES[name]) for name in CURVES}
    write_text(render_curves(found, score), OUT)
    return f"curves of {', '.join(found)} in {OUT}"


@contextmanager
def curves_of(revision: str) -> Iterator[Path]:
    """The folder of a revision's curves; DataError where it has none."""
    if revision == WORKSPACE:
        yield PLOTS
        return
    from dvc.api import DVCFileSystem  # a second
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    with TemporaryDirectory(prefix="terna-plots-") as scratch:
        try:
            DVCFileSystem(".", rev=revision).get(PLOTS.as_posix(), f"{scratch}/{PLOTS}", recursive=True)
        except (DvcException, SCMError, OSError) as error:
            raise DataError(
                f"{revision}: no curves of such an experiment in DVC's cache ({words_of(error)}); give names that "
                "`make table` lists"
            ) from error
        yield Path(scratch) / PLOTS


if __name__ == "__main__":
    main()
