"""Rows that get negatives: triplets and tuples in one table, and what is never a negative of which anchor."""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints, take
from terna.data.numbering import numbered
from terna.records import MINED, POSITIVES, TUPLES


@dataclass(frozen=True)
class Questions:
    """The anchors and positives of rows, and the candidates, as numbers.

    texts: what is to be encoded, the candidates first, as they are given. anchors: (q,) where in `texts` the distinct
    anchors are. keys: (q,) int64, the same for anchors that are equal after `fold`. rows: (r,) which of `anchors` each
    row has. positives: (r,) where in `texts` its positive is. left_out: see Search.
    """

    texts: pa.ChunkedArray
    anchors: Ints
    keys: Ints
    rows: Ints
    positives: Ints
    left_out: Ints


def all_rows(train: pa.Table, tuples: pa.Table) -> pa.Table:
    """A TRIPLETS and a TUPLES table as one MINED table."""
    lists = [_one_each(chunk) for chunk in train["negative"].chunks]
    one_each = pa.chunked_array(lists, TUPLES.field("negatives").type)
    return pa.concat_tables([_rows(train, "train", one_each), _rows(tuples, "tuples", tuples["negatives"])])


def _one_each(texts: pa.Array) -> pa.Array:
    """Each text as a list of its own."""
    return pa.ListArray.from_arrays(pa.array(np.arange(len(texts) + 1, dtype=np.int32)), texts)


def _rows(table: pa.Table, source: str, negatives: pa.Array | pa.ChunkedArray) -> pa.Table:
    origin = pa.array([source] * len(table), pa.string()), pa.array(np.arange(len(table)), pa.int64())
    return pa.table([table["anchor"], table["positive"], negatives, table["corpus"], *origin], schema=MINED)


def questions(rows: pa.Table, positives: pa.Table, candidates: pa.ChunkedArray) -> Questions:
    """What is asked for a MINED table; positives: a POSITIVES table; candidates: texts, none twice after `fold`.

    No negative of an anchor is: what equals it; what is known to follow from it or that it follows from, by a row or by
    `positives`; a negative that a row of it has.
    """
    negatives = rows["negatives"]
    columns = [candidates, rows["anchor"], rows["positive"], pc.list_flatten(negatives)]
    found = numbered(*columns, *(positives[name] for name in POSITIVES.names))
    _, anchors, followed, wrong, *labelled = (found.keys.take(numbers) for numbers in found.numbers)
    owners = anchors.take(pc.list_parent_indices(negatives).to_numpy())
    first = np.concatenate([anchors, anchors, followed, owners, *labelled])
    other = np.concatenate([anchors, followed, anchors, wrong, *labelled[::-1]])
    # the key of a candidate is its place; of the others there is none that could be a negative
    matter = np.isin(first, anchors) & (other < len(candidates))
    distinct, places = np.unique(found.numbers[1], return_inverse=True)
    return Questions(
        found.texts,
        distinct,
        found.keys.take(distinct),
        places,
        found.numbers[2],
        np.unique(first[matter] << 32 | other[matter]),
    )


def with_negatives(rows: pa.Table, asked: Questions, chosen: Ints) -> pa.Table:
    """A MINED table with the negatives of its anchors after its own ones; without any where there are too few.

    chosen: (q, n), see `chosen`.
    """
    own = chosen[asked.rows]
    enough = own[:, 0] >= 0
    texts = iter(take(asked.texts, own[enough].ravel()).to_pylist())
    negatives = [
        [*given, *islice(texts, chosen.shape[1])] if has else []
        for given, has in zip(rows["negatives"].to_pylist(), enough, strict=True)
    ]
    place = MINED.get_field_index("negatives")
    return rows.set_column(place, MINED.field(place), pa.array(negatives, MINED.field(place).type))
