"""What Weights & Biases costs a training run when its service answers, refuses, hangs, is slow or dies.

    python benchmarks/wandb_standin.py [--rounds 3]

In a scratch copy of the project, on the sample corpus: a run with CSV files alone and a run with `logger=wandb` against
a stand-in on loopback, in turn, for each way the stand-in behaves. Prints the seconds of both and how many of the rows
of the CSV file W&B's own record on the disk has; exit status 1 when it lacks one or a run fails.
"""

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from stages import stages_before  # noqa: E402
from wandb_records import history  # noqa: E402
from wandb_service import BEHAVIOURS, KEY, served  # noqa: E402

SETTINGS = ["train.epochs=3", "machine.progress=false"]
COMPOSED = ["--config-path=..", "--config-name=params"]


def stage(folder: Path, name: str, *words: str, **environment: str) -> float:
    """Run a script of the copy; the seconds that it took."""
    line = [sys.executable, f"pipelines/{name}.py", *words]
    # an environment of the user's own account would decide what is tried
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    start = time.monotonic()
    done = subprocess.run(line, cwd=folder, env=kept | environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - start


def prepare(folder: Path) -> None:
    """A copy of the project with all stages before training done."""
    for name in ("conf", "pipelines", "samples", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    stage(folder, "compose", *SETTINGS)
    for name in stages_before("train"):
        stage(folder, name, *COMPOSED)


def lacking(folder: Path) -> int:
    """How many figures of the CSV file are not in W&B's record of the run."""
    [record] = [path for path in (folder / "logs" / "wandb").glob("*run-*/*.wandb") if not path.parent.is_symlink()]
    told = [(row.get("trainer/global_step"), name, row[name]) for row in history(record) for name in row]
    with (folder / "logs" / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    wanted = [
        (int(row["step"]), name, float(row[name])) for row in rows for name in row if row[name] and name != "step"
    ]
    return len(set(wanted) - set(told))


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    asked, lost = parser.parse_args(), 0
    with tempfile.TemporaryDirectory(prefix="terna-wandb-") as scratch:
        folder = Path(scratch)
        prepare(folder)
        stage(folder, "train", *COMPOSED)  # warms the disk
        for behaviour in (None, *BEHAVIOURS):
            pairs = []
            for _ in range(asked.rounds):
                alone = stage(folder, "train", *COMPOSED)
                shutil.rmtree(folder / "logs")
                with served(behaviour or "refuses") as service:
                    key = {} if behaviour is None else {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": service.address}
                    pairs.append((alone, stage(folder, "train", *COMPOSED, "logger.wandb=true", HOME=scratch, **key)))
                lost += lacking(folder)
            seconds = "  ".join(f"{alone:.1f} → {both:.1f}" for alone, both in pairs)
            middle = statistics.median(both - alone for alone, both in pairs)
            # other work on the machine only ever adds: the fastest of each kind are nearest to what it costs
            fastest = min(both for _, both in pairs) - min(alone for alone, _ in pairs)
            name = behaviour or "no key"
            print(f"{name:15} {seconds}   median {middle:+.1f} s, of the fastest {fastest:+.1f} s", flush=True)
    print(f"figures of the CSV files that W&B's records lack: {lost}")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
