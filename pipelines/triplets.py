"""Make swapped-pair triplets and hold some out for development; clean the rows of the other shapes.

reads   data/nli/, and the sentences (never the scores) of the benchmarks in data/raw/sts/
does    lists which training sentences equal or nearly equal a benchmark's, and excludes rows according to
        `triplets.drop_overlap`; then makes triplets by the published rule from sorted candidates with a seed, and
        splits them by premise
writes  data/triplets/: train.parquet, dev.parquet, positives.parquet; scored.parquet (scored pairs to train on),
        tuples.parquet (anchors with a positive and negatives of their own), classed.parquet, texts.parquet;
        sentences.parquet (each sentence of all rows once, whatever their label), contamination.csv, stats.json,
        made.json
"""

from terna.running.stage import stage

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from terna.data.contamination import find
from terna.data.contamination.filtering import (
    costly,
    distinct_sentences,
    listing,
    rows_of,
    sentences_in,
    shared_counts,
    without,
)
from terna.data.corpora import benchmark_sentences
from terna.data.numbering import numbered, once
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


class Found(NamedTuple):
    """What was read: rows of each table, rows and distinct sentences of each corpus.

    shared: how many sentences each benchmark shares, by kind. left_out: the sentences whose rows are left out for it.
    """

    read: dict[str, int]
    rows: Counter[str]
    sentences: Counter[str]
    shared: dict[str, dict[str, int]]
    left_out: pa.Array


@stage
def main(settings: Settings) -> str:
    schemas = {"pairs": PAIRS} | {name: schema for name, (schema, _) in OTHERS.items()}
    mix = {name: read_table(NLI / f"{name}.parquet", schema) for name, schema in schemas.items()}
    contaminated = OUT / "contamination.csv"
    found = counted(mix, settings, contaminated)
    # in the place of the mix: both would take twice the memory
    clean = {name: without(mix.pop(name), found.left_out) for name in schemas}
    for name, (_, row) in OTHERS.items():
        if found.read[name] and not len(clean[name]):
            raise DataError(
                f"no {row} is left: each has a sentence of a benchmark; add corpora, or see triplets.drop_overlap"
            )
    accounts = stats(settings, found, clean)
    left = sum(map(len, clean.values()))
    sentences = pa.table([once(*sentences_in(clean.values()))], schema=SENTENCES)
    write_table(sentences, OUT / "sentences.parquet", SENTENCES)
    del sentences
    split = split_of(clean.pop("pairs"), settings, alone=not any(found.read[name] for name in OTHERS))
    trained, counts = without_repeats(clean)
    tables = {"train": split.train, "dev": split.dev, "positives": split.positives} | trained
    for name, table in tables.items():
        write_table(table, OUT / f"{name}.parquet", table.schema)
    outs = [*(OUT / f"{name}.parquet" for name in (*tables, "sentences")), contaminated]
    totals = {"total": split.counts | counts, "sha256_out": {path.name: sha256_of(path) for path in outs}}
    write_json(accounts | totals, OUT / "stats.json")
    outs.append(OUT / "stats.json")
    raw = [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(RAW / name)]
    record("triplets", settings, [*(NLI / name for name in IN), *raw], outs, OUT / "made.json")
    return summary(found.read, left, trained, split.counts | counts)


def counted(mix: dict[str, pa.Table], settings: Settings, path: Path) -> Found:
    """What the mix is and what it shares with the benchmarks, which is listed in `path`."""
    rules = settings.triplets
    numbers = numbered(*sentences_in(mix.values()))
    shared = find(numbers.texts, benchmark_sentences(settings.evaluate, RAW), rules.overlap)
    with replacing(path) as beside:
        csv.write_csv(listing(mix.values(), numbers.texts, shared), beside)
    return Found(
        {name: len(table) for name, table in mix.items()},
        rows_of(mix.values()),
        distinct_sentences(mix.values(), numbers),
        shared_counts(shared, list(settings.evaluate.benchmarks)),
        costly(numbers.texts, shared, rules.drop_overlap),
    )


def without_repeats(clean: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """The tables beside the labelled pairs without rows of no use, and how many rows there are of each that has any."""
    tuples, repeated = usable(clean["tuples"])
    if repeated and not len(tuples):
        raise DataError("no tuple is left: each has one text twice; is another column the positive?")
    there = [name for name in OTHERS if len(clean[name])]
    tables = clean | {"tuples": tuples}
    counts = {f"{row.replace(' ', '_')}s": len(tables[name]) for name, (_, row) in OTHERS.items() if name in there}
    return tables, counts | ({"tuples_of_one_text": repeated} if repeated else {})


def split_of(pairs: pa.Table, settings: Settings, *, alone: bool) -> Split:
    """The triplets of the labelled pairs, which may be none where they do not stand alone."""
    if not len(pairs) and not alone:
        return no_triplets()
    rules = settings.triplets
    return build(pairs, target=settings.translate.target, seed=settings.seed, dev_fraction=rules.dev_fraction)


def summary(read: dict[str, int], left: int, trained: dict[str, pa.Table], counts: dict[str, int]) -> str:
    """The stage's last line; read: the rows of each table, left: those that no benchmark shares."""
    rows, count = "rows" if read["tuples"] or read["texts"] else "pairs", sum(read.values())
    left_out = "".join(f", {counts[key]} {reason}" for key, reason in LEFT_OUT.items() if key in counts)
    others = "".join(f", {len(trained[name])} {row}s to train on" for name, (_, row) in OTHERS.items() if read[name])
    return (
        f"{count} {rows} read, {count - left} left out for a benchmark's sake{left_out}, "
        f"{counts['triplets_train']} triplets to train on, {counts['triplets_dev']} held out{others}"
    )


def stats(settings: Settings, found: Found, clean: dict[str, pa.Table]) -> dict[str, Any]:
    """The accounts of each corpus, and what the mix shares with each benchmark."""
    keys = {"corpora": dict[str, dict[str, Any]], "translated_by": dict[str, Any] | None}
    made = read_record(NLI / "accounts.json", keys, rerun("translate"))
    left = rows_of(clean.values())
    corpora = {
        name: {
            **account,
            "distinct_sentences": found.sentences[name],
            "overlap_dropped": found.rows[name] - left[name],
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
            "sentences": found.shared,
        },
    }


if __name__ == "__main__":
    main()
