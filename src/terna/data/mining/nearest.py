"""Exact search: the highest of the products of each query with each candidate, block by block."""

import numpy as np

from terna.arrays import Ints, Vectors

# candidates whose products with all queries at hand are held at once
BLOCK = 1 << 14


def nearest(queries: Vectors, candidates: Vectors, count: int) -> tuple[Vectors, Ints]:
    """The `count` candidates with the highest product with each query, and the products.

    queries: (b, d), candidates: (n, d), which may be mapped into memory: they are read BLOCK rows at a time. Returns
    products float32 and rows int64, both (b, count), the highest first and of equal ones the lower row first; where
    there are fewer candidates than `count`, the last are -inf and row -1.
    """
    scores: Vectors = np.full((len(queries), count), -np.inf, np.float32)
    rows: Ints = np.full((len(queries), count), -1, np.int64)
    for first in range(0, len(candidates), BLOCK):
        block = queries @ np.asarray(candidates[first : first + BLOCK]).T
        own, columns = _hopeful(block, scores[:, -1], count)
        found = block[own, columns], first + columns
        scores, rows = _merged(scores, rows, own, *found)
    return scores, rows


def _hopeful(block: Vectors, lowest: Vectors, count: int) -> tuple[Ints, Ints]:
    """Query and column of the products that can be among the highest: above the lowest so far, of equal ones all."""
    if block.shape[1] > count and np.isneginf(lowest).any():
        here = np.partition(block, block.shape[1] - count, axis=1)[:, -count]
        lowest = np.maximum(lowest, np.nextafter(here, np.float32(-np.inf)))
    own, columns = np.divmod(np.flatnonzero(block > lowest[:, None]), block.shape[1])
    return own, columns


def _merged(held: Vectors, held_rows: Ints, own: Ints, scores: Vectors, rows: Ints) -> tuple[Vectors, Ints]:
    """The highest of those that are held (b, count) and of more ones, which stand one after another, by query."""
    if not len(own):
        return held, held_rows
    queries, count = held.shape
    by_query = np.concatenate([np.repeat(np.arange(queries), count), own])
    every, every_row = np.concatenate([held.ravel(), scores]), np.concatenate([held_rows.ravel(), rows])
    # stable, and rows rise from those held to the later ones: of equal products the lower row comes first
    order = np.lexsort((-every, by_query))
    starts = np.searchsorted(by_query[order], np.arange(queries))
    best = order[starts[:, None] + np.arange(count)]
    return every[best], every_row[best]


def to_unit(vectors: Vectors) -> None:
    """Scale each vector to length 1 where it lies, BLOCK of them at a time; one of zeros stays as it is."""
    for first in range(0, len(vectors), BLOCK):
        block = vectors[first : first + BLOCK]
        block /= np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)


def similarities(vectors: Vectors, left: Ints, right: Ints) -> Vectors:
    """The product of each row of `left` with that of `right`, (m,) float32, BLOCK pairs at a time."""
    found = np.empty(len(left), np.float32)
    for first in range(0, len(left), BLOCK):
        part = slice(first, first + BLOCK)
        found[part] = np.einsum("ij,ij->i", vectors[left[part]], vectors[right[part]])
    return found
