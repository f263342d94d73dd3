"""Fetch and read the corpora of translated sentences; without any, write empty tables.

reads   the addresses of each parallel corpus, or the mirror folder in TERNA_MIRROR; the sentences (never the scores) of
        the benchmarks in data/raw/sts/
does    takes each file from the first place that has the right bytes; excludes the pairs whose target equals or nearly
        equals a benchmark's sentence, according to `triplets.drop_overlap`
writes  data/raw/parallel/<corpus>/: the files and fetched.json; data/parallel/: sentences.parquet, stats.json,
        made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from terna.data.contamination import find
from terna.data.contamination.filtering import DROPPED, shared_counts
from terna.data.corpora import benchmark_sentences, check_file, read_parallel
from terna.data.download import fetch_corpus, from_environment
from terna.data.numbering import distinct
from terna.provenance import record
from terna.records import PARALLEL, write_json, write_table
from terna.settings import Settings

OUT = Path("data/parallel")
RAW = Path("data/raw/parallel")
SCORED = Path("data/raw/sts")


@stage
def main(settings: Settings) -> str:
    fetch(settings)
    read = {name: read_parallel(name, corpus, RAW / name) for name, corpus in settings.parallel.items()}
    pairs = pa.concat_tables([PARALLEL.empty_table(), *(table for table, _ in read.values())])
    clean, shared = apart(pairs, settings)
    outs = [OUT / name for name in ("sentences.parquet", "stats.json")]
    write_table(clean, outs[0], PARALLEL)
    kept = {name: pc.sum(pc.equal(clean["corpus"], name)).as_py() or 0 for name in read}
    corpora = {name: {**counts, "kept": kept[name]} for name, (_, counts) in read.items()}
    write_json({"corpora": corpora, "pairs": len(clean), "contamination": shared}, outs[1])
    raw = [path for name, one in settings.parallel.items() for path in one.paths(RAW / name)]
    raw += [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(SCORED / name)]
    record("parallel", settings, raw, outs, OUT / "made.json")
    return f"{len(pairs)} pairs read, {len(pairs) - len(clean)} left out for a benchmark's sake, {len(clean)} kept"


def fetch(settings: Settings) -> None:
    """Put the raw files of each corpus where they belong."""
    mirror = from_environment()
    RAW.mkdir(parents=True, exist_ok=True)
    for name, corpus in settings.parallel.items():
        fetch_corpus(corpus, RAW / name, mirror=mirror, check=check_file, progress=settings.machine.progress)


def apart(pairs: pa.Table, settings: Settings) -> tuple[pa.Table, dict[str, Any]]:
    """The pairs without those whose target a benchmark shares, and how many distinct targets are shared, by kind."""
    rules, targets = settings.triplets, distinct(pairs["target"])
    benchmarks = benchmark_sentences(settings.evaluate, SCORED)
    shared = find(targets, benchmarks, rules.overlap)
    kinds = pa.array(DROPPED[rules.drop_overlap], pa.string())
    dropped = targets.take(shared.filter(pc.is_in(shared["kind"], kinds))["sentence"].combine_chunks())
    return pairs.filter(pc.invert(pc.is_in(pairs["target"], dropped))), shared_counts(shared, list(benchmarks))


if __name__ == "__main__":
    main()
