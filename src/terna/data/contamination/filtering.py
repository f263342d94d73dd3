"""What each corpus gave, shares with the benchmarks, and lost for it."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from terna.records import PAIR
from terna.sentences import distinct

# which kinds of shared sentence cost a pair its place, by triplets.drop_overlap
DROPPED: Mapping[str, tuple[str, ...]] = {"none": (), "exact": ("exact",), "near": ("exact", "near")}


def without(pairs: pa.Table, sentences: pa.Array, shared: pa.Table, which: str) -> pa.Table:
    """Leave out of a PAIRS or SCORED_PAIRS table the pairs with a shared sentence.

    shared: an OVERLAPS table over `sentences`. which: `none`, `exact` or `near` (which takes in the exact ones).
    """
    chosen = _texts(sentences, shared.filter(pc.is_in(shared["kind"], pa.array(DROPPED[which], pa.string()))))
    return pairs.filter(pc.invert(_has(pairs, chosen)))


def both(pairs: pa.Table, scored: pa.Table) -> pa.Table:
    """The pairs of a PAIRS and of a SCORED_PAIRS table: premise, hypothesis, corpus."""
    alike = scored.select([*PAIR, "corpus"]).rename_columns(["premise", "hypothesis", "corpus"])
    return pa.concat_tables([pairs.select(alike.column_names), alike])


def listing(pairs: pa.Table, sentences: pa.Array, shared: pa.Table) -> pa.Table:
    """What is shared as text, for people: sentence, corpora that have it, benchmark, scored, kind, overlap."""
    texts = _texts(sentences, shared)
    found = pairs.filter(_has(pairs, texts))
    where: dict[str, set[str]] = {text: set() for text in texts.to_pylist()}
    for side in ("premise", "hypothesis"):
        for text, corpus in zip(found[side].to_pylist(), found["corpus"].to_pylist(), strict=True):
            if text in where:
                where[text].add(corpus)
    corpora = [" ".join(sorted(where[text])) for text in texts.to_pylist()]
    columns = {"sentence": texts, "corpora": pa.array(corpora, pa.string())}
    return pa.table(columns | {name: shared[name] for name in ("benchmark", "scored", "kind", "overlap")})


def shared_counts(shared: pa.Table, benchmarks: list[str]) -> dict[str, dict[str, int]]:
    """How many sentences each benchmark shares, by kind."""
    kinds = ("exact", "near")
    return {name: {kind: _count(shared, name, kind) for kind in kinds} for name in benchmarks}


def corpus_account(pairs: pa.Table, clean: pa.Table, corpus: str) -> dict[str, Any]:
    """Distinct sentences of a corpus, and its pairs that were left out of `clean` for what they share."""
    own = pairs.filter(pc.equal(pairs["corpus"], corpus))
    left = pc.sum(pc.equal(clean["corpus"], corpus)).as_py() or 0
    return {"distinct_sentences": len(distinct(own["premise"], own["hypothesis"])), "overlap_dropped": len(own) - left}


def _texts(sentences: pa.Array, shared: pa.Table) -> pa.Array:
    return sentences.take(shared["sentence"].combine_chunks())


def _has(pairs: pa.Table, texts: pa.Array) -> pa.ChunkedArray:
    """Which pairs have one of the texts: the two sentences are the first columns."""
    return pc.or_(pc.is_in(pairs.column(0), value_set=texts), pc.is_in(pairs.column(1), value_set=texts))


def _count(shared: pa.Table, benchmark: str, kind: str) -> int:
    return int(pc.sum(pc.and_(pc.equal(shared["benchmark"], benchmark), pc.equal(shared["kind"], kind))).as_py() or 0)
