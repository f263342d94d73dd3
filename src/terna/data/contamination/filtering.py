"""What each corpus gave, shares with the benchmarks, and lost for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Bools, take
from terna.data.numbering import Numbered
from terna.records import PAIR

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
            yield pc.list_flatten(texts), take(corpus, pc.list_parent_indices(texts).to_numpy())
        else:
            yield texts, corpus


def sentences_in(tables: Iterable[pa.Table]) -> list[pa.ChunkedArray]:
    """The columns of texts of such tables."""
    return [texts for table in tables for texts, _ in sides(table)]


def costly(sentences: pa.ChunkedArray, shared: pa.Table, which: str) -> pa.Array:
    """The shared sentences that cost a row its place, each once.

    shared: an OVERLAPS table over `sentences`. which: `none`, `exact` or `near` (which takes in the exact ones).
    """
    chosen = shared.filter(pc.is_in(shared["kind"], pa.array(DROPPED[which], pa.string())))
    return pc.unique(_texts(sentences, chosen))


def without(table: pa.Table, texts: pa.Array) -> pa.Table:
    """Leave out of such a table the rows with one of the texts; the table itself where there are none."""
    has = np.zeros(len(table), np.bool_)
    for column in TEXT_COLUMNS:
        if column in table.column_names:
            has |= _has(table[column], texts)
    return table.filter(pa.array(~has)) if has.any() else table


def listing(tables: Iterable[pa.Table], sentences: pa.ChunkedArray, shared: pa.Table) -> pa.Table:
    """What is shared as text, for people: sentence, corpora that have it, benchmark, scored, kind, overlap.

    Sorted by sentence, by code point, and then as `shared` is.
    """
    order = pc.sort_indices(_texts(sentences, shared))
    shared = shared.take(order)
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


def distinct_sentences(tables: Iterable[pa.Table], found: Numbered) -> Counter[str]:
    """How many distinct sentences each corpus has; found: the numbers of `sentences_in(tables)`."""
    there: dict[str, Bools] = {}
    columns = (side for table in tables for side in sides(table))
    for (_, corpora), numbers in zip(columns, found.numbers, strict=True):
        for corpus in pc.unique(corpora).to_pylist():
            own = numbers[pc.equal(corpora, corpus).to_numpy()]
            there.setdefault(corpus, np.zeros(len(found.texts), np.bool_))[own] = True
    return Counter({corpus: int(each.sum()) for corpus, each in there.items()})


def rows_of(tables: Iterable[pa.Table]) -> Counter[str]:
    """How many rows each corpus has in all tables."""
    counts: Counter[str] = Counter()
    for table in tables:
        counts.update({each["values"]: each["counts"] for each in pc.value_counts(table["corpus"]).to_pylist()})
    return counts


def _texts(sentences: pa.ChunkedArray, shared: pa.Table) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *take(sentences, shared["sentence"].to_numpy()).chunks])


def _has(column: pa.ChunkedArray, texts: pa.Array) -> Bools:
    """Which rows have one of the texts in this column."""
    if not pa.types.is_list(column.type):
        return np.asarray(pc.is_in(column, value_set=texts).to_numpy(), np.bool_)
    found = pc.is_in(pc.list_flatten(column), value_set=texts)
    return np.isin(np.arange(len(column)), pc.list_parent_indices(column).filter(found).to_numpy())


def _count(shared: pa.Table, benchmark: str, kind: str) -> int:
    return int(pc.sum(pc.and_(pc.equal(shared["benchmark"], benchmark), pc.equal(shared["kind"], kind))).as_py() or 0)
