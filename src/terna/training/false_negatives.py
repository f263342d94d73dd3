"""Which candidates of a batch are known positives of its anchors."""

import numpy as np

from terna.arrays import Bools, Ints


def known(anchors: Ints, candidates: Ints, positives: Ints) -> Bools:
    """Bool (B, N): True where candidate j is a known positive of anchor i.

    anchors: (B,) keys. candidates: (N,) keys, distinct, at least one. positives: (m, 2) keys, sorted by row, as
    TokenTable has them. Beside filling the result, the work grows with the partners of the anchors, and only by the
    depth of a binary search with m.
    """
    rows, partners = _partners(anchors, positives)
    order = np.argsort(candidates)
    places = np.searchsorted(candidates, partners, sorter=order)
    columns = order[np.minimum(places, len(candidates) - 1)]
    there = candidates[columns] == partners
    found = np.zeros((len(anchors), len(candidates)), bool)
    found[rows[there], columns[there]] = True
    return found


def _partners(anchors: Ints, positives: Ints) -> tuple[Ints, Ints]:
    """Each partner of each anchor: the anchor's place, and the partner's key."""
    sought = anchors.astype(positives.dtype)  # of unlike types searchsorted would copy all of `positives`
    first = np.searchsorted(positives[:, 0], sought, side="left")
    last = np.searchsorted(positives[:, 0], sought, side="right")
    counts = last - first
    rows = np.repeat(np.arange(len(anchors)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, positives[np.repeat(first, counts) + within, 1]
