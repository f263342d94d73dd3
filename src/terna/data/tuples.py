"""Anchors with a positive and negatives of a corpus's own: which rows can be trained on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.data.numbering import numbered


def usable(tuples: pa.Table) -> tuple[pa.Table, int]:
    """Leave out of a TUPLES table the rows in which two texts are equal after `fold`, and count them."""
    negatives = tuples["negatives"]
    own, others = np.arange(len(tuples)), pc.list_parent_indices(negatives).to_numpy()
    rows = np.concatenate([own, own, others])
    found = numbered(tuples["anchor"], tuples["positive"], pc.list_flatten(negatives))
    keys = found.keys.take(np.concatenate(found.numbers))
    apart = np.unique(rows * (keys.max(initial=0) + 1) + keys) // (keys.max(initial=0) + 1)
    kept = np.bincount(apart, minlength=len(tuples)) == np.bincount(rows, minlength=len(tuples))
    return tuples.filter(pa.array(kept)), int(len(kept) - kept.sum())
