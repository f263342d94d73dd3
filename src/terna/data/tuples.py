"""Anchors with a positive and negatives of a corpus's own: which rows can be trained on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.data.numbering import numbered

# rows that are looked at together
BLOCK = 1 << 18


def usable(tuples: pa.Table) -> tuple[pa.Table, int]:
    """Leave out of a TUPLES table the rows in which two texts are equal after `fold`, and count them.

    The table itself where there are none.
    """
    negatives = tuples["negatives"]
    found = numbered(tuples["anchor"], tuples["positive"], pc.list_flatten(negatives))
    anchors, positives, others = found.numbers
    ends = np.append(0, np.cumsum(pc.list_value_length(negatives).to_numpy(), dtype=np.int64))
    kept = np.empty(len(tuples), np.bool_)
    for first in range(0, len(tuples), BLOCK):
        part = slice(first, first + BLOCK)
        bounds = ends[first : first + BLOCK + 1]
        own, counts = np.arange(len(bounds) - 1), np.diff(bounds)
        rows = np.concatenate([own, own, np.repeat(own, counts)])
        texts = np.concatenate([anchors[part], positives[part], others[bounds[0] : bounds[-1]]])
        apart = np.unique(rows << 32 | found.keys.take(texts)) >> 32
        kept[part] = np.bincount(apart, minlength=len(own)) == counts + 2
    if kept.all():
        return tuples, 0
    return tuples.filter(pa.array(kept)), int(len(kept) - kept.sum())
