"""Training that is killed at random moments and taken up again by `dvc repro`, compared with a run left alone.

    python benchmarks/kills.py [--kills 20]

In a scratch copy of the project, on the sample corpus: one run left alone, then --kills runs that are killed once, by
SIGKILL and by SIGTERM in turn, at a random moment of the training, and finished by `dvc repro`. Compared are the
encoder's folder and the curves, by sha256. Prints a line a run; exit status 1 when any differs.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ["train.epochs=3", "train.score_every=7", "machine.checkpoint_every=4", "machine.progress=false"]
KEPT = ("models/encoder/**/*", "plots/*.csv")
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}


def prepare(folder: Path) -> None:
    """A copy of the project with all stages before training done."""
    for name in ("conf", "pipelines", "samples", "src", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run([sys.executable, "pipelines/compose.py", *SETTINGS], cwd=folder, check=True)
    subprocess.run(["dvc", "repro", "-q", "teacher"], cwd=folder, check=True, env=ENVIRONMENT)


def repro(folder: Path, *, force: bool) -> subprocess.Popen[bytes]:
    """`dvc repro` of training alone, begun."""
    words = ["dvc", "repro", "-q", "-s", *(["-f"] if force else []), "train"]
    return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of what is compared."""
    files = sorted(path for pattern in KEPT for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def trainer(dvc: int) -> int | None:
    """The process that trains, of those that `dvc` started; None when there is none."""
    found = subprocess.run(["pgrep", "-f", "-P", str(dvc), "pipelines/train.py"], capture_output=True, text=True)
    children = found.stdout.split()
    if not children:
        return None
    inner = subprocess.run(["pgrep", "-P", children[0]], capture_output=True, text=True).stdout.split()
    shell = Path(f"/proc/{children[0]}/comm").read_text().strip() in ("sh", "bash", "dash")
    return int(inner[0]) if shell and inner else int(children[0])


def seconds_of(folder: Path) -> float:
    """How long a run left alone trains, from the claim on its checkpoints to their removal."""
    process, start = repro(folder, force=True), 0.0
    while process.poll() is None:
        if not start and (folder / "checkpoints" / "run.json").exists():
            start = time.monotonic()
        time.sleep(0.02)
    if process.returncode:
        sys.exit("the run left alone failed")
    return time.monotonic() - start


def killed(folder: Path, after: float, which: signal.Signals) -> str:
    """Begin a run, kill it `after` seconds of training; what was there then."""
    process = repro(folder, force=True)
    while not (folder / "checkpoints" / "run.json").exists():
        time.sleep(0.01)
    time.sleep(after)
    pid = trainer(process.pid)
    if pid is None:
        process.wait()
        return "ended before"
    os.kill(pid, which)
    status = process.wait()
    log = folder / "logs" / "csv" / "metrics.csv"
    steps = sum(1 for _ in log.open()) if log.exists() else 0
    there = (folder / "checkpoints" / "last.ckpt").exists()
    return f"dvc ended with {status}, {steps} rows logged, {'a' if there else 'no'} checkpoint"


def main() -> None:
    """Kill and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance, different = random.Random(asked.seed), 0
    with tempfile.TemporaryDirectory(prefix="terna-kills-") as scratch:
        folder = Path(scratch)
        prepare(folder)
        seconds = seconds_of(folder)
        whole = digests(folder)
        print(f"left alone: {seconds:.1f} s, {len(whole)} files", flush=True)
        for number in range(asked.kills):
            which = (signal.SIGKILL, signal.SIGTERM)[number % 2]
            after = chance.uniform(0, 0.7 * seconds)  # the rest is writing down and ending
            story = killed(folder, after, which)
            if repro(folder, force=False).wait():
                sys.exit("dvc repro failed after a kill")
            found = digests(folder)
            other = sorted(path for path in found.keys() | whole.keys() if found.get(path) != whole.get(path))
            different += bool(other)
            verdict = f"DIFFERENT: {', '.join(other)}" if other else "same bytes"
            print(f"{which.name} after {after:.1f} s, {story}: {verdict}", flush=True)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
