"""Make swapped-pair triplets and hold some out for development.

reads   data/nli/, and the sentences (never the scores) of the benchmarks in data/raw/sts/ to count what they share
does    the published rule, from sorted candidates with a seed; the split is by premise
writes  data/triplets/train.parquet, dev.parquet, stats.json
"""

from pathlib import Path

import pyarrow.compute as pc

from terna.corpora import read_sts
from terna.download import sha256_of
from terna.launch import stage
from terna.records import PAIRS, TRIPLETS, read_json, read_table, write_json, write_table
from terna.sentences import distinct
from terna.settings import Settings
from terna.triplets import build, count_triplets, overlap

OUT = Path("data/triplets")
RAW = Path("data/raw/sts")


@stage
def main(settings: Settings) -> None:
    pairs = read_table(Path("data/nli/pairs.parquet"), PAIRS)
    tables = {name: read_sts(name, one, RAW / name) for name, one in settings.evaluate.benchmarks.items()}
    split = build(
        pairs, target=settings.translate.target, seed=settings.seed, dev_fraction=settings.triplets.dev_fraction
    )
    write_table(split.train, OUT / "train.parquet", TRIPLETS)
    write_table(split.dev, OUT / "dev.parquet", TRIPLETS)
    corpora = {}
    for name, account in read_json(Path("data/nli/accounts.json")).items():
        own = pairs.filter(pc.equal(pairs["corpus"], name))
        sentences = len(distinct(own["premise"], own["hypothesis"]))
        corpora[name] = {**account, "distinct_sentences": sentences, "triplets": count_triplets(own)}
    shared = {
        name: overlap(split.train, [*table["sentence1"].to_pylist(), *table["sentence2"].to_pylist()])
        for name, table in tables.items()
    }
    digests = {name: sha256_of(OUT / name) for name in ("train.parquet", "dev.parquet")}
    stats = {"corpora": corpora, "total": split.counts, "overlap": shared, "sha256_out": digests}
    write_json(stats, OUT / "stats.json")


if __name__ == "__main__":
    main()
