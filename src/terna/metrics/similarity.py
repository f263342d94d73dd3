"""The four similarities of sentence vectors, pair by pair, and each vector with each."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from terna.arrays import Floats
from terna.errors import DataError

SIMILARITIES = ("cosine", "euclidean", "manhattan", "dot")
# how far a product may be off, as a share of the largest value it can have: the root of float64's rounding, for
# distances are taken from differences of squares
ROUNDING = 1e-6


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


def crosswise(left: ArrayLike, right: ArrayLike, measure: str) -> tuple[Floats, Floats]:
    """How alike each row of `left` is to each row of `right`, by one matrix product: (m, n), and by how much (m,).

    left: (m, d), right: (n, d), of any real type; measure: one of SIMILARITIES. A value is off by no more than its
    row's second result, so that equal rows may differ in their last digits: `pairwise` decides near-ties.
    """
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    lengths, others = np.sqrt(_squares(left)), np.sqrt(_squares(right))
    if measure == "cosine":
        return unit(left) @ right.T / np.where(others == 0, 1, others), np.full(len(left), ROUNDING)
    longest = others.max(initial=0)
    if measure == "manhattan":
        return -cdist(left, right, "cityblock"), ROUNDING * (lengths + longest) * np.sqrt(left.shape[1])
    products: Floats = left @ right.T
    if measure == "dot":
        return products, ROUNDING * lengths * longest
    squares = _squares(left)[:, None] + _squares(right) - 2 * products
    return -np.sqrt(np.maximum(squares, 0)), ROUNDING * (lengths + longest)


def _squares(vectors: Floats) -> Floats:
    squares: Floats = np.einsum("ij,ij->i", vectors, vectors)
    return squares


def _dot(left: Floats, right: Floats) -> Floats:
    products: Floats = (left * right).sum(axis=1)
    return products


def unit(vectors: Floats) -> Floats:
    """The rows of `vectors` with length 1."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    # a zero vector has no direction: it stays zero, and so do its cosines
    return vectors / np.where(length == 0, 1, length)
