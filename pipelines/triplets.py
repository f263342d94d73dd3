"""Make swapped-pair triplets and hold some out for development; clean the rows of the other shapes.

reads   data/nli/, and the sentences (never the scores) of the benchmarks in data/raw/sts/
does    lists which training sentences equal or nearly equal a benchmark's, and leaves out the rows that
        `triplets.drop_overlap` says; then the published rule, from sorted candidates with a seed, split by premise
writes  data/triplets/: train.parquet, dev.parquet, positives.parquet; scored.parquet (scored pairs to train on),
        tuples.parquet (anchors with a positive and negatives of their own), classed.parquet, texts.parquet;
        sentences.parquet (each sentence of all rows once, whatever their label), contamination.csv, stats.json,
        made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from terna.data.contamination import find
from terna.data.contamination.filtering import corpus_account, listing, sentences_in, shared_counts, without
from terna.data.corpora import benchmark_sentences
from terna.data.numbering import once
from terna.data.triplets import Split, build, count_triplets, no_triplets
from terna.data.tuples import usable
from terna.errors import DataError
from terna.provenance import record
from terna.records import (
    CLASSED_PAIRS,
    PAIRS,
    RAW_TEXTS,
    SCORED_PAIRS,
    SENTENCES,
    TUPLES,
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
# tables beside the labelled pairs, and what messages call their rows
OTHERS = {
    "scored": (SCORED_PAIRS, "scored pair"),
    "tuples": (TUPLES, "tuple"),
    "classed": (CLASSED_PAIRS, "classed pair"),
    "texts": (RAW_TEXTS, "text"),
}
IN = ("pairs.parquet", *(f"{name}.parquet" for name in OTHERS), "accounts.json")
# counted where there are any
LEFT_OUT = {
    "pairs_of_one_text": "left out for being one text twice",
    "pairs_labelled_both_ways": "left out for being labelled both entailment and contradiction",
    "tuples_of_one_text": "left out for having one text twice",
}


@stage
def main(settings: Settings) -> str:
    rules = settings.triplets
    schemas = {"pairs": PAIRS} | {name: schema for name, (schema, _) in OTHERS.items()}
    mix = {name: read_table(NLI / f"{name}.parquet", schema) for name, schema in schemas.items()}
    sentences = distinct(*sentences_in(mix.values()))
    shared = find(sentences, benchmark_sentences(settings.evaluate, RAW), rules.overlap)
    clean = {name: without(table, sentences, shared, rules.drop_overlap) for name, table in mix.items()}
    for name, (_, row) in OTHERS.items():
        if len(mix[name]) and not len(clean[name]):
            raise DataError(
                f"no {row} is left: each has a sentence of a benchmark; add corpora, or see triplets.drop_overlap"
            )
    trained, counts = without_repeats(clean)
    split = split_of(clean["pairs"], settings, alone=not any(len(mix[name]) for name in OTHERS))
    tables = {"train": split.train, "dev": split.dev, "positives": split.positives} | trained
    tables["sentences"] = pa.table([once(*sentences_in(clean.values()))], schema=SENTENCES)
    outs = [OUT / f"{name}.parquet" for name in tables] + [OUT / "contamination.csv"]
    for path, table in zip(outs, tables.values(), strict=False):
        write_table(table, path, table.schema)
    with replacing(outs[-1]) as beside:
        csv.write_csv(listing(mix.values(), sentences, shared), beside)
    totals = {"total": split.counts | counts, "sha256_out": {path.name: sha256_of(path) for path in outs}}
    write_json(stats(settings, mix, clean, shared) | totals, OUT / "stats.json")
    outs.append(OUT / "stats.json")
    raw = [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(RAW / name)]
    record("triplets", settings, [*(NLI / name for name in IN), *raw], outs, OUT / "made.json")
    return summary(mix, clean, trained, split.counts | counts)


def without_repeats(clean: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """The tables beside the labelled pairs without rows of no use, and how many rows there are of each that has any."""
    tuples, repeated = usable(clean["tuples"])
    if repeated and not len(tuples):
        raise DataError("no tuple is left: each has one text twice; is another column the positive?")
    tables = {name: tuples if name == "tuples" else clean[name] for name in OTHERS}
    counts = {f"{row.replace(' ', '_')}s": len(tables[name]) for name, (_, row) in OTHERS.items() if len(clean[name])}
    return tables, counts | ({"tuples_of_one_text": repeated} if repeated else {})


def split_of(pairs: pa.Table, settings: Settings, *, alone: bool) -> Split:
    """The triplets of the labelled pairs, which may be none where they do not stand alone."""
    if not len(pairs) and not alone:
        return no_triplets()
    rules = settings.triplets
    return build(pairs, target=settings.translate.target, seed=settings.seed, dev_fraction=rules.dev_fraction)


def summary(
    mix: dict[str, pa.Table], clean: dict[str, pa.Table], trained: dict[str, pa.Table], counts: dict[str, int]
) -> str:
    """The stage's last line."""
    read, left = (sum(map(len, tables.values())) for tables in (mix, clean))
    rows = "rows" if len(mix["tuples"]) or len(mix["texts"]) else "pairs"
    left_out = "".join(f", {counts[key]} {reason}" for key, reason in LEFT_OUT.items() if key in counts)
    others = "".join(
        f", {len(trained[name])} {row}s to train on" for name, (_, row) in OTHERS.items() if len(mix[name])
    )
    return (
        f"{read} {rows} read, {read - left} left out for a benchmark's sake{left_out}, "
        f"{counts['triplets_train']} triplets to train on, {counts['triplets_dev']} held out{others}"
    )


def stats(settings: Settings, mix: dict[str, pa.Table], clean: dict[str, pa.Table], shared: pa.Table) -> dict[str, Any]:
    """The accounts of each corpus, and what the mix shares with each benchmark."""
    keys = {"corpora": dict[str, dict[str, Any]], "translated_by": dict[str, Any] | None}
    made = read_record(NLI / "accounts.json", keys, rerun("translate"))
    corpora = {
        name: {
            **account,
            **corpus_account(mix.values(), clean.values(), name),
            "triplets": count_triplets(clean["pairs"].filter(pc.equal(clean["pairs"]["corpus"], name))),
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
