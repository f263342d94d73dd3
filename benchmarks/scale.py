"""Time and memory of the stages from raw files to tokens, on synthetic corpora of several sizes.

Each stage runs as its own process, in a scratch copy of conf/ and pipelines/; corpora come from synthetic_nli.py.
Writes benchmarks/out/scale.json and scale.md, or with --same same.json: what of the outputs depends on the order of
the rows, the number of workers or the hash seed. For Linux, where peaks are in KiB; a child's peak counts its parent's
size before exec, hence the standard library alone.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "benchmarks" / "out"
STAGES = ("translate", "triplets", "mine", "tokens")
SIZES = (100_000, 200_000, 500_000, 962_854)
OUTPUTS = ("data/nli/pairs.parquet", "data/triplets/*.parquet", "data/tokens/*.npy")
MEMBERS = {
    "snli_1.0.zip": ["snli_1.0_train.jsonl", "snli_1.0_dev.jsonl", "snli_1.0_test.jsonl"],
    "multinli_1.0.zip": ["multinli_1.0_train.jsonl"],
}


class Cost(NamedTuple):
    """What a process took: elapsed and processor seconds, peak resident MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


class Variant(NamedTuple):
    """Circumstances that must not change what comes out."""

    shuffle: int | None = None
    workers: int = 2
    hash_seed: int = 0


VARIANTS = {
    "plain": Variant(),
    "rows in another order": Variant(shuffle=1),
    "machine.workers=1": Variant(workers=1),
    "PYTHONHASHSEED=1": Variant(hash_seed=1),
}


def spawn(command: list[str], hash_seed: int = 0) -> Cost:
    """Run a Python script and measure it; SystemExit when it fails."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, *command], environment)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}; its message stands above")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def project(folder: Path, pairs: int, shuffle: int | None) -> None:
    """A copy of the project's scripts and settings in `folder`, with corpora=synthetic of `pairs` rows."""
    for name in ("conf", "pipelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "samples").symlink_to(ROOT / "samples")
    order = [] if shuffle is None else ["--shuffle", str(shuffle)]
    spawn([str(ROOT / "benchmarks" / "synthetic_nli.py"), str(folder / "raw"), "--pairs", str(pairs), *order])
    corpora = {name.partition("_")[0]: declared(folder / "raw" / name) for name in MEMBERS}
    # what is JSON is YAML
    (folder / "conf" / "corpora" / "synthetic.yaml").write_text(json.dumps(corpora), encoding="utf-8")


def declared(archive: Path) -> dict[str, object]:
    """The declaration of a synthetic archive, as of sentences that need no translation."""
    file = {"addresses": [str(archive)], "sha256": [], "members": MEMBERS[archive.name]}
    made = {"licence": "CC0-1.0", "citation": "benchmarks/synthetic_nli.py", "files": [file]}
    return {"format": "snli_jsonl", "language": "es", "exact": False, **made}


def run(folder: Path, pairs: int, model: str, variant: Variant) -> dict[str, Cost]:
    """What each stage took in a new copy of the project in `folder`."""
    project(folder, pairs, variant.shuffle)
    overrides = ["corpora=synthetic", "translate=none", "triplets=held_out", "evaluate=sample", f"model={model}"]
    overrides += [f"machine.workers={variant.workers}", "machine.progress=false"]
    costs = {}
    for stage in ("fetch", "parallel", *STAGES):
        cost = costs[stage] = spawn([str(folder / "pipelines" / f"{stage}.py"), *overrides], variant.hash_seed)
        print(f"{pairs:,} pairs, {stage}: {cost.seconds:.1f} s, {cost.peak_mib:.0f} MiB", flush=True)
    accounts = json.loads((folder / "data" / "nli" / "accounts.json").read_text(encoding="utf-8"))["corpora"]
    if (read := sum(account["read"] for account in accounts.values())) != pairs:
        sys.exit(f"{folder}: {read} rows were read, expected {pairs}")
    return {stage: costs[stage] for stage in STAGES}


def total(costs: dict[str, Cost]) -> Cost:
    """Of several processes one after another: their times added, the highest peak."""
    seconds, cpu_seconds, peaks = zip(*costs.values(), strict=True)
    return Cost(sum(seconds), sum(cpu_seconds), max(peaks))


def summary(measured: dict[int, dict[str, Cost]], model: str) -> dict[str, object]:
    """What is written down: the machine, each size, and whether time grows in proportion.

    Seconds per pair at the largest size over those at the smallest are below 1 where starting up weighs on the
    smallest; seconds per 100,000 pairs added from one size to the next have no start-up in them.
    """
    seconds = {pairs: total(costs).seconds for pairs, costs in measured.items()}
    smallest, largest = min(seconds), max(seconds)
    return {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "model": model,
        "sizes": {
            pairs: {stage: cost._asdict() for stage, cost in {**costs, "sum": total(costs)}.items()}
            for pairs, costs in measured.items()
        },
        "seconds_per_100000": {pairs: taken / pairs * 100_000 for pairs, taken in seconds.items()},
        "seconds_per_pair_largest_over_smallest": seconds[largest] / largest / (seconds[smallest] / smallest),
        "seconds_per_100000_added": {
            f"{a}-{b}": (seconds[b] - seconds[a]) / (b - a) * 100_000 for a, b in pairwise(seconds)
        },
    }


def table(measured: dict[int, dict[str, Cost]], model: str) -> str:
    """The same for people, in Markdown."""
    heads = " | ".join(("pairs", *STAGES, "sum", "s per 100,000"))
    lines = [f"Seconds, peak MiB; model={model}.", "", f"| {heads} |", "|--:" * (len(STAGES) + 3) + "|"]
    for pairs, costs in measured.items():
        every = (*costs.values(), total(costs))
        cells = " | ".join(f"{cost.seconds:.1f} s, {cost.peak_mib:,.0f}" for cost in every)
        lines.append(f"| {pairs:,} | {cells} | {every[-1].seconds / pairs * 100_000:.2f} |")
    return "\n".join(lines) + "\n"


def digests(folder: Path) -> dict[str, str]:
    """sha256 of each output, by its path from the project's root."""
    found = sorted(path for pattern in OUTPUTS for path in folder.glob(pattern))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def same(work: Path | None, pairs: int, model: str) -> None:
    """Print and write which outputs differ from the plain run's in each circumstance; exit status 1 when any does."""
    plain: dict[str, str] = {}
    different: dict[str, list[str]] = {}
    for name, variant in VARIANTS.items():
        with tempfile.TemporaryDirectory(prefix="terna-same-", dir=work) as folder:
            run(Path(folder), pairs, model, variant)
            found = digests(Path(folder))
        plain = plain or found
        different[name] = sorted(path for path in plain.keys() | found.keys() if plain.get(path) != found.get(path))
        if found is not plain:
            print(f"{name}: {'different: ' + ', '.join(different[name]) if different[name] else 'same'}", flush=True)
    record = {"pairs": pairs, "model": model, "outputs": plain, "different": different}
    (OUT / "same.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if any(different.values()) else 0)


def scale(work: Path | None, sizes: list[int], model: str) -> None:
    """Measure each size, print the table and write it."""
    measured = {}
    for pairs in sorted(set(sizes)):
        with tempfile.TemporaryDirectory(prefix="terna-scale-", dir=work) as folder:
            measured[pairs] = run(Path(folder), pairs, model, Variant())
    found = summary(measured, model)
    (OUT / "scale.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (OUT / "scale.md").write_text(drawn := table(measured, model), encoding="utf-8")
    print(drawn)
    print(f"seconds per pair, largest over smallest: {found['seconds_per_pair_largest_over_smallest']:.2f}")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help=f"pairs; {' '.join(map(str, SIZES))}")
    parser.add_argument("--model", choices=("minilm", "tiny"), default="minilm", help="whose tokenizer (minilm)")
    parser.add_argument("--same", action="store_true", help="compare outputs instead, at the smallest size")
    parser.add_argument("--work", type=Path, help="where scratch copies are made and removed (the system's)")
    given = parser.parse_args()
    work = given.work.resolve() if given.work else None
    OUT.mkdir(parents=True, exist_ok=True)
    if given.same:
        same(work, min(given.sizes), given.model)
    else:
        scale(work, given.sizes, given.model)


if __name__ == "__main__":
    main()
