"""The types of NumPy arrays that pass between modules, one name a kind; rows of Arrow columns, chunk by chunk."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
# sentence vectors, (sentences, dimension)
Vectors = NDArray[np.float32]

# bytes of texts that are in one array: Arrow counts them with 31 bits
PIECE = 1 << 28
# bytes of texts that are taken from others at once
TAKEN = 1 << 26


def take(texts: pa.ChunkedArray, places: Ints) -> pa.ChunkedArray:
    """The texts, or lists of texts, at `places`.

    Arrow's own `take` joins all chunks into one first, which takes their memory again and fails beyond 2 GiB.
    """
    sizes = np.concatenate([np.zeros(0, np.int32), *map(_bytes, texts.chunks)])
    ends = np.cumsum(sizes.take(places))
    cuts = np.searchsorted(ends, np.arange(TAKEN, ends[-1] if len(ends) else 0, TAKEN), side="right").tolist()
    del sizes, ends
    parts = (places[first:last] for first, last in pairwise([0, *cuts, len(places)]) if first < last)
    return pa.chunked_array([_gathered(texts, part) for part in parts], texts.type)


def joined(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in as few chunks as PIECE bytes in each allow: one chunk beyond that stays as it is."""
    groups: list[list[pa.Array]] = []
    room = 0
    for chunk in column.chunks:
        if not groups or room < chunk.nbytes:
            groups.append([])
            room = PIECE
        groups[-1].append(chunk)
        room -= chunk.nbytes
    return pa.chunked_array([pa.concat_arrays(group) for group in groups], column.type)


def by_chunk(texts: pa.ChunkedArray, places: Ints) -> Iterator[tuple[Ints, pa.Array]]:
    """For each chunk that has some of `places`: which of them, and its texts there."""
    ends = np.cumsum([len(chunk) for chunk in texts.chunks])
    chunk_of = np.searchsorted(ends, places, side="right").astype(np.min_scalar_type(len(ends)))
    order = np.argsort(chunk_of, kind="stable")  # few numbers of 8 or 16 bits: sorted by radix
    bounds = np.cumsum(np.bincount(chunk_of, minlength=len(ends))).tolist()
    for chunk, end, (first, last) in zip(texts.chunks, ends.tolist(), pairwise([0, *bounds]), strict=True):
        if first < last:
            which = order[first:last]
            yield which, chunk.take(pa.array(places.take(which) - (end - len(chunk))))


def _gathered(texts: pa.ChunkedArray, places: Ints) -> pa.Array:
    """The texts at `places`, chunk by chunk, and then in their order."""
    which, found = zip(*by_chunk(texts, places), strict=True)
    back = np.empty(len(places), np.int64)
    back[np.concatenate(which)] = np.arange(len(places))
    return pa.concat_arrays(found).take(pa.array(back))


def _bytes(texts: pa.Array) -> Ints:
    """How many bytes each text, or list of texts, has."""
    lists = pa.types.is_list(texts.type)
    sizes: Ints = pc.binary_length(texts.flatten() if lists else texts).to_numpy()
    if lists:
        ends = np.append(0, np.cumsum(sizes))
        sizes = np.diff(ends[np.append(0, np.cumsum(pc.list_value_length(texts).to_numpy()))])
    return sizes
