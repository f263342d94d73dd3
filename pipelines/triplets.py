"""Make swapped-pair triplets and hold some out for development; clean the scored pairs.

reads   data/nli/, and the sentences (never the scores) of the benchmarks in data/raw/sts/
does    lists which training sentences equal or nearly equal a benchmark's, and leaves out the pairs that
        `triplets.drop_overlap` says; then the published rule, from sorted candidates with a seed, split by premise
writes  data/triplets/: train.parquet, dev.parquet, positives.parquet, scored.parquet (scored pairs to train on),
        sentences.parquet (each sentence of all pairs once, whatever their label), contamination.csv, stats.json,
        made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from terna.data.contamination import find
from terna.data.contamination.filtering import both, corpus_account, listing, shared_counts, without
from terna.data.corpora import benchmark_sentences
from terna.data.numbering import once
from terna.data.triplets import build, count_triplets, no_triplets
from terna.errors import DataError
from terna.provenance import record
from terna.records import (
    PAIRS,
    POSITIVES,
    SCORED_PAIRS,
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
IN = ("pairs.parquet", "scored.parquet", "accounts.json")
# counted where there are any
LEFT_OUT = {
    "pairs_of_one_text": "left out for being one text twice",
    "pairs_labelled_both_ways": "left out for being labelled both entailment and contradiction",
}


@stage
def main(settings: Settings) -> str:
    rules = settings.triplets
    pairs = read_table(NLI / "pairs.parquet", PAIRS)
    scored = read_table(NLI / "scored.parquet", SCORED_PAIRS)
    mix = both(pairs, scored)
    sentences = distinct(mix["premise"], mix["hypothesis"])
    shared = find(sentences, benchmark_sentences(settings.evaluate, RAW), rules.overlap)
    clean, clean_scored = (without(table, sentences, shared, rules.drop_overlap) for table in (pairs, scored))
    if len(scored) and not len(clean_scored):
        raise DataError(
            "no scored pair is left: each has a sentence of a benchmark; add corpora, or see triplets.drop_overlap"
        )
    if len(pairs) or not len(scored):
        split = build(clean, target=settings.translate.target, seed=settings.seed, dev_fraction=rules.dev_fraction)
    else:
        split = no_triplets()
    tables = ("train", "dev", "positives", "scored", "sentences")
    names = [*(f"{name}.parquet" for name in tables), "contamination.csv", "stats.json"]
    outs = [OUT / name for name in names]
    clean_mix = both(clean, clean_scored)
    write_table(split.train, outs[0], TRIPLETS)
    write_table(split.dev, outs[1], TRIPLETS)
    write_table(split.positives, outs[2], POSITIVES)
    write_table(clean_scored, outs[3], SCORED_PAIRS)
    write_table(every_sentence(clean_mix), outs[4], SENTENCES)
    with replacing(outs[5]) as beside:
        csv.write_csv(listing(mix, sentences, shared), beside)
    digests = {path.name: sha256_of(path) for path in outs[:6]}
    more = {"scored_pairs": len(clean_scored)} if len(scored) else {}
    totals = {"total": split.counts | more, "sha256_out": digests}
    write_json(stats(settings, mix, clean_mix, shared, clean) | totals, outs[6])
    raw = [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(RAW / name)]
    record("triplets", settings, [*(NLI / name for name in IN), *raw], outs, OUT / "made.json")
    left_out = "".join(f", {split.counts[key]} {reason}" for key, reason in LEFT_OUT.items() if key in split.counts)
    dropped = len(mix) - len(clean) - len(clean_scored)
    scored_pairs = f", {len(clean_scored)} scored pairs to train on" if len(scored) else ""
    return (
        f"{len(mix)} pairs read, {dropped} left out for a benchmark's sake{left_out}, "
        f"{len(split.train)} triplets to train on, {len(split.dev)} held out{scored_pairs}"
    )


def every_sentence(mix: pa.Table) -> pa.Table:
    """Each sentence of pairs, as `both` has them, once, as a SENTENCES table: see `once`."""
    return pa.table([once(mix["premise"], mix["hypothesis"])], schema=SENTENCES)


def stats(
    settings: Settings, mix: pa.Table, clean_mix: pa.Table, shared: pa.Table, labelled: pa.Table
) -> dict[str, Any]:
    """The accounts of each corpus, and what the mix shares with each benchmark; labelled: the clean PAIRS."""
    keys = {"corpora": dict[str, dict[str, Any]], "translated_by": dict[str, Any] | None}
    made = read_record(NLI / "accounts.json", keys, rerun("translate"))
    corpora = {
        name: {
            **account,
            **corpus_account(mix, clean_mix, name),
            "triplets": count_triplets(labelled.filter(pc.equal(labelled["corpus"], name))),
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
