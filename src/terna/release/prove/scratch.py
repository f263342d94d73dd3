"""A project beside this one, in which what a release states is made again."""

import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from omegaconf import OmegaConf

from terna.errors import DataError
from terna.release.lineage import RELEASE
from terna.release.prove.released import Released
from terna.release.verify import OUTPUTS
from terna.settings import Settings

# what a stage runs from; all else at the project's root is linked, such as samples/ and files of one's own
COPIED = ("pipelines", "conf", "src")
APART = (*OUTPUTS, *COPIED, "params.yaml", "dvc.lock", "logs", "checkpoints", "multirun", "wandb")
# what says that a folder was made here, so that its src/, conf/ and release/ may be replaced
MARK = ".terna-prove"
ENCODER = f"{RELEASE}/encoder/"
METRICS = f"{RELEASE}/metrics/"


def check(root: Path, scratch: Path, where: str) -> None:
    """Raise DataError where `root` is no project, and where `scratch` holds what is not ours to replace.

    where: the release, as it was given; it must not lie in `scratch`.
    """
    if missing := [name for name in (*COPIED, "dvc.yaml", "params.yaml") if not (root / name).exists()]:
        raise DataError(f"{root}: no {', '.join(missing)}; run this in a clone of the project, at the release's commit")
    if scratch.is_relative_to(root):
        raise DataError(f"{scratch}: in the project itself; give a folder outside of {root}")
    if scratch.exists() and not scratch.is_dir():
        raise DataError(f"{scratch}: a file; give an empty folder, or one that does not exist yet")
    if Path(where).resolve().is_relative_to(scratch):
        raise DataError(f"{scratch}: {where} lies in it and would be replaced; give a folder of its own")
    if scratch.is_dir() and any(scratch.iterdir()) and not (scratch / MARK).is_file():
        raise DataError(f"{scratch}: not empty, and not of an earlier proof; give an empty folder, or a new one")


def make(root: Path, scratch: Path, settings: Settings) -> None:
    """Lay out the code of the project at `root` and these settings in `scratch`, which keeps what it has else.

    Raises DataError where `scratch` cannot be written.
    """
    try:
        _make(root, scratch, settings)
    except OSError as error:
        raise DataError(
            f"{scratch}: cannot be written ({error.strerror or error}); give a folder in which you may write, on a "
            "disk with room"
        ) from error


def _make(root: Path, scratch: Path, settings: Settings) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / MARK).touch()
    for name in COPIED:
        shutil.rmtree(scratch / name, ignore_errors=True)
        shutil.copytree(root / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in root.iterdir():
        if path.name not in APART and not path.name.startswith("."):
            _link(path, scratch / path.name)
    OmegaConf.save(OmegaConf.create(asdict(settings)), scratch / "params.yaml")


def lay(released: Released, scratch: Path) -> None:
    """Link the files of the release into `scratch`: where they lie in a run, and where its stages read them."""
    for folder in (RELEASE, "models/encoder"):
        shutil.rmtree(scratch / folder, ignore_errors=True)
    trained = released.links["train"].wrote
    for path, file in released.files.items():
        _link(file, scratch / path)
        model = path.replace(ENCODER, "models/encoder/", 1)
        if model in trained:
            _link(file, scratch / model)
        elif path.startswith(METRICS):
            _link(file, scratch / "metrics" / path.removeprefix(METRICS))


def run(stage: str, scratch: Path, threads: int | None) -> int:
    """Run a stage's script in `scratch`, its output on our standard error; returns its status."""
    line = [sys.executable, str(scratch / "pipelines" / f"{stage}.py"), "--config-path=..", "--config-name=params"]
    paths = [str(scratch / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    if mirror := os.environ.get("TERNA_MIRROR"):
        env["TERNA_MIRROR"] = str(Path(mirror).absolute())
    if threads is not None:
        env["OMP_NUM_THREADS"] = str(threads)
    return subprocess.run(line, cwd=scratch, env=env, stdout=sys.stderr, check=False).returncode  # noqa: S603  # no shell


def _link(file: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(file)
