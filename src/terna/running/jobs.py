"""Jobs of a sweep: a script run in a process and a folder of its own, with the project's inputs linked in.

So no two jobs can write the same file, each ends in the bytes of the same run by hand, and one that is killed or runs
out of memory takes no other with it.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import IO, Any, NamedTuple

from omegaconf import OmegaConf

from terna.markdown import code, figure, table
from terna.settings import is_hub_name

# of a folder's name; file systems take 255 bytes
LONGEST = 120
# the settings of a job, in its folder, as params.yaml is the project's
COMPOSED = "params.yaml"
# where a training writes down its development score, and under which key
SCORES, SCORE = Path("metrics/train.json"), "selected_score"
# what a process that was asked to stop ends with
STOPPED = (-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGINT)


class Job(NamedTuple):
    """A job that was run: its folder, and the status that it ended with."""

    folder: Path
    status: int

    @property
    def score(self) -> float | None:
        """The development score of a training; None for a job that failed, and for what is no training."""
        if self.status or not (self.folder / SCORES).is_file():
            return None
        found: float | None = json.loads((self.folder / SCORES).read_text(encoding="utf-8"))[SCORE]
        return found


def scores(jobs: Sequence[Job]) -> str:
    """A table of the jobs in Markdown, by their score, the best first, those without one last."""
    rows = sorted(jobs, key=lambda job: -inf if job.score is None else job.score, reverse=True)
    shown = ([code(job.folder.name), "failed" if job.status else figure(job.score, 4)] for job in rows)
    return table(["job", SCORE], shown)


def folder_name(words: Sequence[str]) -> str:
    """A job's folder, called after its settings: the same settings have the same folder, others another."""
    whole = ",".join(words)
    name = re.sub(r"[^\w.=,+-]+", "_", whole)
    if name == whole and 0 < len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def enter(root: Path, reads: Sequence[str], config: Any) -> None:
    """Make the working folder, which is not `root`, a job's: what it `reads` linked in, its settings written down.

    A backbone that is a path, whether it is there or not, is one in the project.
    """
    for name in reads:
        if not Path(name).exists():
            Path(name).unlink(missing_ok=True)  # a link to what is no longer there
            Path(name).symlink_to(os.path.relpath(root / name, Path.cwd().resolve()))
    backbone = str(OmegaConf.select(config, "model.backbone"))
    if not (backbone == "scratch" or backbone.startswith("pkg:") or is_hub_name(backbone, root)):
        OmegaConf.update(config, "model.backbone", str(root / backbone))
    OmegaConf.save(config, COMPOSED, resolve=True)


def run(script: Path, words: Sequence[str], folder: Path, output: IO[str] | None = None) -> int:
    """Run a stage's script with `words` in `folder` and return its status; negative: the signal that ended it.

    output: where it prints, by default where we do. A SIGTERM to us is handed on.
    """
    line = [sys.executable, str(script), *words, f"hydra.run.dir={quoted(folder)}"]
    merged = None if output is None else subprocess.STDOUT
    process = subprocess.Popen(line, stdout=output, stderr=merged)  # noqa: S603  # no shell
    with process, _handed_on(process):
        return process.wait()


def leave_if_stopped(status: int) -> None:
    """End with a shell's status for it when a job ended because it was asked to stop, and so are we."""
    if status in STOPPED:
        sys.exit(status if status > 0 else 128 - status)


def last_error(log: Path) -> str:
    """The last error that a log tells of: ours, which says more than another's, if there is one."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    ours = [place for place, line in enumerate(lines) if re.match(r"\w+Error: ", line)]
    return " ".join(lines[ours[-1] : ours[-1] + 2] if ours else lines[-1:])


def called(words: Sequence[str], **names: str) -> list[str]:
    """`words`, and a setting of the loggers for each of `names` that the words leave alone."""
    keys = [word.partition("=")[0] for word in words]
    given = {f"logger.{key}": value for key, value in names.items() if f"logger.{key}" not in keys}
    return [*words, *(f"{key}={quoted(value)}" for key, value in given.items())]


def quoted(value: object) -> str:
    """A text as a value in Hydra's grammar."""
    escaped = str(value).replace("'", "\\'")
    return f"'{escaped}'"


@contextmanager
def _handed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
