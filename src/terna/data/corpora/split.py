"""One set of pairs as two, such that nothing is on both sides."""

from collections.abc import Hashable, Sequence

import numpy as np

from terna.arrays import Bools, Ints


def linked(left: Sequence[Hashable], right: Sequence[Hashable]) -> Ints:
    """A number for each pair, (n,), by first appearance; pairs that share something, or are linked by others, share it.

    left, right: what the pairs hold; the two are compared with each other too.
    """
    parent: dict[Hashable, Hashable] = {}

    def root(one: Hashable) -> Hashable:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        return one

    for one, other in zip(left, right, strict=True):
        parent[root(other)] = root(one)
    roots = [root(one) for one in left]
    numbers = {found: number for number, found in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[found] for found in roots], np.int64)


def first_part(clusters: Ints, share: float, seed: int) -> Bools:
    """Which units are in the first of two parts, (n,), which takes whole clusters and `share` of the units as nearly.

    clusters: (n,), from 0. The largest go first, equal ones in an order that the seed shuffles, each to the part that
    lacks the larger number of units.
    """
    sizes = np.bincount(clusters)
    order = np.random.default_rng(seed).permutation(len(sizes))
    lacking = [share * len(clusters), (1 - share) * len(clusters)]
    first = np.zeros(len(sizes), bool)
    for cluster in order[np.argsort(-sizes[order], kind="stable")]:
        first[cluster] = lacking[0] >= lacking[1]
        lacking[0 if first[cluster] else 1] -= sizes[cluster]
    chosen: Bools = first[clusters]
    return chosen
