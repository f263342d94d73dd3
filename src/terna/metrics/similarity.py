"""The four similarities of sentence vectors, pair by pair."""

import numpy as np
from numpy.typing import ArrayLike

from terna.arrays import Floats
from terna.errors import DataError

SIMILARITIES = ("cosine", "euclidean", "manhattan", "dot")


def pairwise(left: ArrayLike, right: ArrayLike) -> dict[str, Floats]:
    """How alike each row of `left` is to the same row of `right`, under each of SIMILARITIES in that order.

    left, right: (n, d), of any real type; computed in float64, because float32 sums blur near-ties and so the ranks.
    Each result: (n,), more = more alike, hence euclidean and manhattan are distances with the sign turned. The cosine
    with a zero vector is 0. Raises DataError unless both are 2-D and of one shape.
    """
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    if left.ndim != 2 or left.shape != right.shape:
        raise DataError(f"vectors of shapes {left.shape} and {right.shape}: two (n, d) arrays of one shape are needed")
    difference = left - right
    cosine = _dot(unit(left), unit(right))
    euclidean = -np.sqrt(_dot(difference, difference))
    manhattan = -np.abs(difference).sum(axis=1)
    return dict(zip(SIMILARITIES, (cosine, euclidean, manhattan, _dot(left, right)), strict=True))


def _dot(left: Floats, right: Floats) -> Floats:
    products: Floats = (left * right).sum(axis=1)
    return products


def unit(vectors: Floats) -> Floats:
    """The rows of `vectors` with length 1."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    # a zero vector has no direction: it stays zero, and so do its cosines
    return vectors / np.where(length == 0, 1, length)
