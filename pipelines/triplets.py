"""Make swapped-pair triplets and hold some out for development.

reads   data/nli/, and the sentences (never the scores) of the benchmarks in data/raw/sts/
does    lists which training sentences equal or nearly equal a benchmark's, and leaves out the pairs that
        `triplets.drop_overlap` says; then the published rule, from sorted candidates with a seed, split by premise
writes  data/triplets/: train.parquet, dev.parquet, positives.parquet, sentences.parquet (each sentence of
        the pairs once, whatever their label), contamination.csv, stats.json, made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from terna.data.contamination import find
from terna.data.contamination.filtering import corpus_account, listing, shared_counts, without
from terna.data.corpora import scored_sentences
from terna.data.numbering import once
from terna.data.triplets import build, count_triplets
from terna.provenance import record
from terna.records import (
    PAIRS,
    POSITIVES,
    SENTENCES,
    TRIPLETS,
    read_record,
    read_table,
    replacing,
    rerun,
    sha256_of,
    write_json,
    write_table,
)
from terna.sentences import distinct
from terna.settings import Settings

OUT = Path("data/triplets")
NLI = Path("data/nli")
RAW = Path("data/raw/sts")
# counted where there are any
LEFT_OUT = {
    "pairs_of_one_text": "left out for being one text twice",
    "pairs_labelled_both_ways": "left out for being labelled both entailment and contradiction",
}


@stage
def main(settings: Settings) -> str:
    rules = settings.triplets
    pairs = read_table(NLI / "pairs.parquet", PAIRS)
    sentences = distinct(pairs["premise"], pairs["hypothesis"])
    shared = find(sentences, scored_sentences(settings.evaluate.benchmarks, RAW), rules.overlap)
    clean = without(pairs, sentences, shared, rules.drop_overlap)
    split = build(clean, target=settings.translate.target, seed=settings.seed, dev_fraction=rules.dev_fraction)
    names = (
        "train.parquet",
        "dev.parquet",
        "positives.parquet",
        "sentences.parquet",
        "contamination.csv",
        "stats.json",
    )
    outs = [OUT / name for name in names]
    write_table(split.train, outs[0], TRIPLETS)
    write_table(split.dev, outs[1], TRIPLETS)
    write_table(split.positives, outs[2], POSITIVES)
    write_table(unlabelled(clean), outs[3], SENTENCES)
    with replacing(outs[4]) as beside:
        csv.write_csv(listing(pairs, sentences, shared), beside)
    digests = {path.name: sha256_of(path) for path in outs[:5]}
    totals = {"total": split.counts, "sha256_out": digests}
    write_json(stats(settings, pairs, clean, shared) | totals, outs[5])
    raw = [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(RAW / name)]
    record("triplets", settings, [NLI / "pairs.parquet", NLI / "accounts.json", *raw], outs, OUT / "made.json")
    left_out = "".join(f", {split.counts[key]} {reason}" for key, reason in LEFT_OUT.items() if key in split.counts)
    return (
        f"{len(pairs)} pairs read, {len(pairs) - len(clean)} left out for a benchmark's sake{left_out}, "
        f"{len(split.train)} triplets to train on, {len(split.dev)} held out"
    )


def unlabelled(pairs: pa.Table) -> pa.Table:
    """Each sentence of a PAIRS table once, as a SENTENCES table: see `once`."""
    return pa.table([once(pairs["premise"], pairs["hypothesis"])], schema=SENTENCES)


def stats(settings: Settings, pairs: pa.Table, clean: pa.Table, shared: pa.Table) -> dict[str, Any]:
    """The accounts of each corpus, and what the mix shares with each benchmark."""
    keys = {"corpora": dict[str, dict[str, Any]], "translated_by": dict[str, Any] | None}
    made = read_record(NLI / "accounts.json", keys, rerun("translate"))
    corpora = {
        name: {
            **account,
            **corpus_account(pairs, clean, name),
            "triplets": count_triplets(clean.filter(pc.equal(clean["corpus"], name))),
        }
        for name, account in made["corpora"].items()
    }
    rules = settings.triplets
    return {
        "corpora": corpora,
        "translated_by": made["translated_by"],
        "contamination": {
            "limit": rules.overlap,
            "dropped": rules.drop_overlap,
            "sentences": shared_counts(shared, list(settings.evaluate.benchmarks)),
        },
    }


if __name__ == "__main__":
    main()
