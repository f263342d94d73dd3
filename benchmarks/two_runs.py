"""Two `dvc repro` at once in one clone, and a stage by hand with other settings during them: right, or refused.

    python benchmarks/two_runs.py [--rounds 20]

In a scratch copy of the project, on the sample corpus with a very small model: one run left alone, then --rounds rounds
from nothing. After each, verify either refuses what lies there or it is what the run left alone has, by sha256; and a
`dvc repro` after it ends with just that. Prints a line a round; exit status 1 when any does not hold.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = [
    "model.scratch={vocab_size:300,hidden_size:16,layers:1,heads:2,intermediate_size:32}",
    "train.epochs=2",
    "machine.progress=false",
]
COMPOSED = ["--config-path=..", "--config-name=params"]
BY_HAND = (["train", "train.lr=3e-4"], ["triplets", "seed=7"], ["evaluate", "seed=7"], ["tokens"], ["release"])
OUTPUTS = ("data", "models", "metrics", "plots", "predictions", "release", "reports")
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": "src",
    "DVC_NO_ANALYTICS": "1",
}


def prepare(folder: Path) -> None:
    """A copy of the project in a repository of its own, with small settings."""
    for name in ("conf", "pipelines", "samples", "src", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "cache", "tmp"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    words = [sys.executable, "pipelines/compose.py", *SETTINGS]
    subprocess.run(words, cwd=folder, check=True, env=ENVIRONMENT)


def clear(folder: Path) -> None:
    """Back to a clone in which nothing has run: no outputs, and no cache that DVC would take them from."""
    for name in (*OUTPUTS, "checkpoints", "logs", ".dvc/cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "dvc.lock").unlink(missing_ok=True)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command there, begun."""
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> int:
    """Its status; ends the program when what it said is a traceback of ours."""
    said, _ = process.communicate()
    if "Traceback" in said:
        sys.exit(said)
    return process.returncode


def verified(folder: Path) -> bool:
    """Whether verify accepts what lies there."""
    return ended(start(folder, sys.executable, "pipelines/release.py", "--verify")) == 0


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every output."""
    files = sorted(path for name in OUTPUTS for path in (folder / name).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def round_of(folder: Path, chance: random.Random, seconds: float) -> tuple[list[int], str]:
    """Two runs and a stage by hand, each begun at a moment of its own; their statuses, and which stage it was."""
    clear(folder)
    hand = chance.choice(BY_HAND)
    script = [sys.executable, f"pipelines/{hand[0]}.py", *COMPOSED, *hand[1:]]
    plans = [(0.0, ["dvc", "repro"]), (chance.uniform(0, 0.3) * seconds, ["dvc", "repro"])]
    plans.append((chance.uniform(0.1, 0.9) * seconds, script))
    begun, running = time.monotonic(), []
    for wait, words in sorted(plans, key=lambda plan: plan[0]):
        time.sleep(max(0.0, begun + wait - time.monotonic()))
        running.append(start(folder, *words))
    return [ended(process) for process in running], " ".join(hand)


def main() -> None:
    parser = argparse.ArgumentParser(description="Two runs at once in one clone: right, or refused.")
    parser.add_argument("--rounds", type=int, default=20)
    given, chance, wrong = parser.parse_args(), random.Random(7), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        begun = time.monotonic()
        if ended(start(folder, "dvc", "repro")) or not verified(folder):
            sys.exit("the run left alone failed")
        alone, seconds = digests(folder), time.monotonic() - begun
        for number in range(given.rounds):
            statuses, hand = round_of(folder, chance, seconds)
            accepted = verified(folder)
            same = digests(folder) == alone
            after = ended(start(folder, "dvc", "repro")) == 0 and verified(folder) and digests(folder) == alone
            holds = after and (same or not accepted)
            wrong += not holds
            what = "right" if accepted and same else "ACCEPTED, OTHER BYTES" if accepted else "refused"
            then = "right" if after else "NOT RIGHT"
            print(
                f"round {number + 1}, by hand {hand}: statuses {statuses}, {what}, after dvc repro {then}", flush=True
            )
    print(f"{given.rounds - wrong} of {given.rounds} rounds hold")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
