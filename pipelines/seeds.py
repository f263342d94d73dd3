"""Run the pipeline once for each of several seeds, and report mean and spread of the scores.

reads   conf/, and the workspace as `git diff` sees it, including changes that are not committed
does    runs `dvc exp run --temp` for one seed after another in a temporary folder of DVC; the workspace is unchanged. A
        seed that already has an experiment with the same settings and code does not run again
writes  seeds/<settings>.md and .json: mean, standard deviation, range and each run, the interval of the mean, and its
        comparison with the other systems; seeds/<experiment>.log

    python pipelines/seeds.py 1 2 3 -S experiment=minilm_esxnli        or: make seeds SEEDS="1 2 3" SET="…"
"""

from terna.running.command import worded
from terna.running.jobs import last_error

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dvc.api
import pyarrow as pa
import pyarrow.parquet as pq

from terna.data.download import from_environment, local_digests
from terna.errors import DataError
from terna.evaluation.seeds import Run, markdown, spread
from terna.records import write_json, write_text
from terna.release.lineage import relevant
from terna.settings import Settings, compose, load

if TYPE_CHECKING:
    from terna.evaluation import Pooled

OUT = Path("seeds")
# the raw files, so that each run does not fetch them again
MIRROR = Path("data/work/mirror")
FIGURES = "metrics/scores.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("seeds", nargs="+", type=int, help="the seeds, in the order of the table's columns")
    parser.add_argument("-S", "--set", dest="words", action="append", default=[], help="a setting, as in dvc exp run")


@worded(arguments)
def main(given: argparse.Namespace) -> None:
    seeds = list(dict.fromkeys(given.seeds))
    names = experiments(seeds, given.words)
    environment = prepared(given.words)
    failed = {}
    for seed, name in names.items():
        if reason := run(seed, name, given.words, environment):
            failed[seed] = reason
    show(names, failed, given.words)


def experiments(seeds: Sequence[int], words: Sequence[str]) -> dict[int, str]:
    """The name of each seed's experiment: settings in short, a digest of settings, code and your files, the seed.

    Raises SettingsError for settings that are not sound.
    """
    named = {}
    for seed in seeds:
        settings = load(compose(Path("conf"), [*words, f"seed={seed}"]))
        local = local_digests(settings, mirror=from_environment())
        content = json.dumps([relevant(settings), code(), local], sort_keys=True).encode()
        named[seed] = f"{label(words)}-{hashlib.sha256(content).hexdigest()[:6]}-seed-{seed}"
    return named


def label(words: Sequence[str]) -> str:
    """The settings in short, such as `sample-train-lr-1e-4`: what a file and a Git ref may be called."""
    short = (word.removeprefix("experiment=") for word in words)
    return "-".join(re.sub(r"\W+", "-", word).strip("-") for word in short) or "default"


def code() -> str:
    """Git's digest of all tracked files as they are in the workspace; nothing is changed."""
    changed = git("stash", "create")
    return git("rev-parse", f"{changed or 'HEAD'}^{{tree}}")


def git(*words: str) -> str:
    """What git prints; DataError when it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True)  # noqa: S603, S607  # fixed words, no shell
    if done.returncode:
        raise DataError(f"git {words[0]}: {done.stderr.strip()}; experiments need a Git repository with a commit")
    return done.stdout.strip()


def prepared(words: Sequence[str]) -> dict[str, str]:
    """The environment of the runs: this Python, and a mirror of the raw files outside their folders."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    mirror = from_environment()
    environment = {**os.environ, "PATH": path, "TERNA_MIRROR": str((mirror or MIRROR).resolve())}
    if not mirror:
        packing = {**os.environ, "TERNA_DEST": str(MIRROR.resolve())}
        if subprocess.run([sys.executable, "pipelines/mirror.py", *words], env=packing).returncode:  # noqa: S603  # no shell
            raise DataError("the raw files could not be packed for the runs; the reason is printed above")
    return environment


def run(seed: int, name: str, words: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Run a seed, unless its experiment is there; None, or why it failed."""
    if name in found():
        print(f"seed {seed}: {name} is there", flush=True)
        return None
    log = OUT / f"{name}.log"
    print(f"seed {seed}: {name} runs; {log}", flush=True)
    log.parent.mkdir(exist_ok=True)
    options = [option for word in [f"seed={seed}", *words] for option in ("-S", word)]
    line = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", name, *options]
    with log.open("w") as file:
        status = subprocess.run(line, env=dict(environment), stdout=file, stderr=subprocess.STDOUT).returncode  # noqa: S603  # no shell
    return f"{last_error(log)} (dvc exp run ended with status {status}; {log})" if status else None


def found() -> dict[str, tuple[str, Any]]:
    """The revision and the figures of each experiment that starts from the commit that is checked out."""
    words = [sys.executable, "-m", "dvc", "exp", "show", "--json", "--num", "1"]
    done = subprocess.run(words, capture_output=True, text=True)  # noqa: S603  # fixed words, no shell
    if done.returncode:
        raise DataError(f"dvc exp show: {done.stderr.strip()}")
    rows = [row for commit in json.loads(done.stdout) for row in commit.get("experiments") or []]
    ends = {row["name"]: (row["revs"] or [{}])[0] for row in rows}
    metrics = {name: (end.get("data") or {}).get("metrics", {}).get(FIGURES, {}) for name, end in ends.items()}
    return {name: (ends[name]["rev"], file["data"]) for name, file in metrics.items() if file.get("data")}


def together(revisions: Sequence[str], settings: Settings) -> dict[str, "Pooled"]:
    """The mean of each benchmark's main score over the experiments, from their predictions in DVC's cache."""
    from terna.evaluation import pooled  # it takes seconds to import, and the runs come first

    found = {}
    for benchmark, one in settings.evaluate.benchmarks.items() if revisions else ():
        tables = [predicted(revision, f"predictions/{benchmark}.parquet") for revision in revisions]
        found[benchmark] = pooled(tables, one.task, settings.evaluate.score_of(benchmark), settings.seed)
    return found


def predicted(revision: str, path: str) -> pa.Table:
    """A table of an experiment."""
    with dvc.api.open(path, repo=".", rev=revision, mode="rb") as file:
        return pq.read_table(pa.BufferReader(file.read()))


def show(names: Mapping[int, str], failed: Mapping[int, str], words: Sequence[str]) -> None:
    """Print and write the table; DataError, after that, when a seed failed."""
    measured = found()
    failed = {**{seed: f"{name} has no {FIGURES}" for seed, name in names.items() if name not in measured}, **failed}
    there = {seed: (name, *measured[name]) for seed, name in names.items() if name in measured}
    runs = [Run(seed, name, figures) for seed, (name, _, figures) in there.items()]
    settings = load(compose(Path("conf"), [*words]))
    means = together([revision for _, revision, _ in there.values()], settings)
    score_of = settings.evaluate.score_of
    table = "\n".join([markdown(runs, failed), *(mean.markdown(name, score_of(name)) for name, mean in means.items())])
    print(f"\n{table}")
    write_text(table, OUT / f"{label(words)}.md")
    described = {"settings": list(words), "runs": [asdict(run) for run in runs], "failed": failed}
    described |= {"spread": spread(runs), "means": {name: asdict(mean.mean) for name, mean in means.items()}}
    write_json(described, OUT / f"{label(words)}.json")
    if failed:
        raise DataError(f"{len(failed)} of {len(names)} seeds failed, {', '.join(map(str, failed))}; the others stand")


if __name__ == "__main__":
    main()
