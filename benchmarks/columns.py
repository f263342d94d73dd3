"""Memory and time of a Parquet file of pairs: reading and mapping its columns alone, and the stages up to the tokens.

    python benchmarks/columns.py [1000000 3000000 10000000] [--model tiny] [--work FOLDER]

The texts are made up, all distinct, of a sentence's and a passage's length, from a seed. Each step is a process of its
own, in a scratch copy of conf/ and pipelines/. Time is that of the processors, whatever else they do. Writes
benchmarks/out/columns.md. For Linux, where peaks are in KiB.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from scale import OUT, ROOT, STAGES, Cost, spawn

SIZES = (1_000_000, 3_000_000, 10_000_000)
# rows that are made, and a row group
ROWS = 50_000
STEPS = ("reading", *STAGES)


def make(path: Path, pairs: int) -> None:
    """Write a Parquet file of `pairs` questions and answers, the same bytes for the same number."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from synthetic_nli import sentences, vocabulary

    words, rng = vocabulary("es", 1), np.random.default_rng([1, pairs])
    schema = pa.schema([("id", pa.int64()), ("question", pa.string()), ("answer", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, pairs, ROWS):
            numbers = range(first, min(first + ROWS, pairs))
            columns = [
                # the number makes each text one of its kind
                [
                    f"{text} {number}"
                    for text, number in zip(sentences(words, length, len(numbers), rng), numbers, strict=True)
                ]
                for length in ((8.0, 0.4, 3, 25), (14.0, 0.5, 4, 60))
            ]
            writer.write_table(pa.table([pa.array(numbers, pa.int64()), *map(pa.array, columns)], schema=schema))


def read(path: Path) -> None:
    """Read and map each batch, and keep none."""
    from collections import Counter

    from terna.data.corpora.columns import stream_columns
    from terna.settings import Corpus, File

    declared = Corpus(**{**described(path), "files": [File(addresses=[str(path)])]})
    counts: Counter[str] = Counter()
    rows = sum(len(table) for table in stream_columns("own", declared, path.parent, counts))
    print(f"{rows:,} rows kept of {counts['read']:,}")


def described(path: Path) -> dict[str, object]:
    """The declaration of the file."""
    mapped = {"shape": "pairs", "columns": {"anchor": "question", "positive": "answer"}}
    return {"format": "columns", **mapped, "files": [{"addresses": [str(path)]}], "exact": False}


def measured(folder: Path, pairs: int, model: str) -> dict[str, Cost]:
    """What each step took in a new copy of the project in `folder`."""
    for name in ("conf", "pipelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "samples").symlink_to(ROOT / "samples")
    path = folder / "pairs.parquet"
    spawn([__file__, "--make", str(path), str(pairs)])
    # what is JSON is YAML
    (folder / "conf" / "corpora" / "made.yaml").write_text(json.dumps({"made": described(path)}), encoding="utf-8")
    words = ["corpora=made", "evaluate=sample", f"model={model}", "machine.progress=false"]
    commands = {stage: [str(folder / "pipelines" / f"{stage}.py"), *words] for stage in ("fetch", "parallel", *STAGES)}
    costs = {}
    for step, command in ({"reading": [__file__, "--read", str(path)]} | commands).items():
        cost = costs[step] = spawn(command)
        told = f"{cost.cpu_seconds:.1f} processor seconds in {cost.seconds:.1f} s, {cost.peak_mib:.0f} MiB"
        print(f"{pairs:,} pairs, {step}: {told}", flush=True)
    return {step: costs[step] for step in STEPS}


def table(costs: dict[int, dict[str, Cost]], model: str) -> str:
    """Processor seconds and peaks, in Markdown."""
    lines = [
        f"Processor seconds, peak MiB; model={model}.",
        "",
        f"| pairs | {' | '.join(STEPS)} |",
        "|--:" * (len(STEPS) + 1) + "|",
    ]
    for pairs, steps in costs.items():
        cells = " | ".join(f"{cost.cpu_seconds:,.0f} s, {cost.peak_mib:,.0f}" for cost in steps.values())
        lines.append(f"| {pairs:,} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line; make, read, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help=f"pairs; {' '.join(map(str, SIZES))}")
    parser.add_argument("--model", choices=("minilm", "tiny"), default="tiny", help="whose tokenizer (tiny)")
    parser.add_argument("--work", type=Path, help="where scratch copies are made and removed (the system's)")
    parser.add_argument("--make", type=Path, help="write the file alone, of the first size")
    parser.add_argument("--read", type=Path, help="read and map such a file alone")
    given = parser.parse_args()
    if given.make:
        make(given.make, given.sizes[0])
    elif given.read:
        read(given.read)
    else:
        costs = {}
        for pairs in sorted(set(given.sizes)):
            with tempfile.TemporaryDirectory(prefix="terna-columns-", dir=given.work) as folder:
                costs[pairs] = measured(Path(folder).resolve(), pairs, given.model)
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / "columns.md").write_text(drawn := table(costs, given.model), encoding="utf-8")
        print(drawn)


if __name__ == "__main__":
    main()
