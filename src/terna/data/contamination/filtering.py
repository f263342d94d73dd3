"""What each corpus gave, shares with the benchmarks, and lost for it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Bools
from terna.records import PAIR
from terna.sentences import distinct

# what columns of texts are called
TEXT_COLUMNS = ("premise", "hypothesis", "anchor", "positive", "negatives", *PAIR, "text")
# which kinds of shared sentence cost a row its place, by triplets.drop_overlap
DROPPED: Mapping[str, tuple[str, ...]] = {"none": (), "exact": ("exact",), "near": ("exact", "near")}


def sides(table: pa.Table) -> Iterator[tuple[pa.ChunkedArray, pa.ChunkedArray]]:
    """Each column of texts of a PAIRS, TUPLES, SCORED_PAIRS, CLASSED_PAIRS or RAW_TEXTS table, and whose each text is.

    All negatives are one column, so that its length is another than the table's.
    """
    for column in TEXT_COLUMNS:
        if column not in table.column_names:
            continue
        texts, corpus = table[column], table["corpus"]
        if pa.types.is_list(texts.type):
            yield pc.list_flatten(texts), corpus.take(pc.list_parent_indices(texts))
        else:
            yield texts, corpus


def sentences_in(tables: Iterable[pa.Table]) -> list[pa.ChunkedArray]:
    """The columns of texts of such tables."""
    return [texts for table in tables for texts, _ in sides(table)]


def without(table: pa.Table, sentences: pa.Array, shared: pa.Table, which: str) -> pa.Table:
    """Leave out of such a table the rows with a shared sentence.

    shared: an OVERLAPS table over `sentences`. which: `none`, `exact` or `near` (which takes in the exact ones).
    """
    chosen = _texts(sentences, shared.filter(pc.is_in(shared["kind"], pa.array(DROPPED[which], pa.string()))))
    has = np.zeros(len(table), np.bool_)
    for column in TEXT_COLUMNS:
        if column in table.column_names:
            has |= _has(table[column], chosen)
    return table.filter(pa.array(~has))


def listing(tables: Iterable[pa.Table], sentences: pa.Array, shared: pa.Table) -> pa.Table:
    """What is shared as text, for people: sentence, corpora that have it, benchmark, scored, kind, overlap."""
    texts = _texts(sentences, shared)
    where: dict[str, set[str]] = {text: set() for text in texts.to_pylist()}
    for table in tables:
        for column, corpora in sides(table):
            found = pc.is_in(column, value_set=texts)
            for text, corpus in zip(column.filter(found).to_pylist(), corpora.filter(found).to_pylist(), strict=True):
                where[text].add(corpus)
    named = [" ".join(sorted(where[text])) for text in texts.to_pylist()]
    columns = {"sentence": texts, "corpora": pa.array(named, pa.string())}
    return pa.table(columns | {name: shared[name] for name in ("benchmark", "scored", "kind", "overlap")})


def shared_counts(shared: pa.Table, benchmarks: list[str]) -> dict[str, dict[str, int]]:
    """How many sentences each benchmark shares, by kind."""
    kinds = ("exact", "near")
    return {name: {kind: _count(shared, name, kind) for kind in kinds} for name in benchmarks}


def corpus_account(tables: Iterable[pa.Table], clean: Iterable[pa.Table], corpus: str) -> dict[str, Any]:
    """Distinct sentences of a corpus, and its rows that were left out of `clean` for what they share."""
    own = [table.filter(pc.equal(table["corpus"], corpus)) for table in tables]
    left = sum(pc.sum(pc.equal(table["corpus"], corpus)).as_py() or 0 for table in clean)
    return {
        "distinct_sentences": len(distinct(*sentences_in(own))),
        "overlap_dropped": sum(map(len, own)) - left,
    }


def _texts(sentences: pa.Array, shared: pa.Table) -> pa.Array:
    return sentences.take(shared["sentence"].combine_chunks())


def _has(column: pa.ChunkedArray, texts: pa.Array) -> Bools:
    """Which rows have one of the texts in this column."""
    if not pa.types.is_list(column.type):
        return np.asarray(pc.is_in(column, value_set=texts).to_numpy(), np.bool_)
    found = pc.is_in(pc.list_flatten(column), value_set=texts)
    return np.isin(np.arange(len(column)), pc.list_parent_indices(column).filter(found).to_numpy())


def _count(shared: pa.Table, benchmark: str, kind: str) -> int:
    return int(pc.sum(pc.and_(pc.equal(shared["benchmark"], benchmark), pc.equal(shared["kind"], kind))).as_py() or 0)
