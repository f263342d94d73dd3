"""Each distinct text numbered once: equal texts are found by their hashes, and then compared as texts."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from terna.arrays import Bools, Ints
from terna.data.numbering.equality import firsts
from terna.data.numbering.hashes import hashes
from terna.sentences import distinct, fold

# texts that a thread takes at once
_SLICE = 1 << 17
# upper bits that part the hashes, so that the table of each part stays in the processor's cache
_BITS = 3


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers.

    texts: the distinct texts; those that occur first of all that count as the same text come before the others, both by
    first occurrence. numbers: for each column (m,), where in `texts` its texts are. keys: (len(texts),), equal exactly
    for texts that are equal after `fold`.
    """

    texts: pa.Array
    numbers: list[Ints]
    keys: Ints


def numbered(*columns: pa.Array | pa.ChunkedArray) -> Numbered:
    """Number the texts of the columns, one column after another."""
    slices = [piece for column in columns for piece in _slices(column)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        first = _firsts(_joined(np.int64, threads.map(hashes, slices)), threads)
        leads = first == np.arange(len(first))
        leading = _chosen(slices, leads, threads)
        numbers = (np.cumsum(leads) - 1).take(first)
        pieces = threads.map(lambda texts, places: _differ(texts, leading, places), slices, _split(numbers, slices))
        differs = _joined(np.bool_, pieces)
        others = _chosen(slices, differs, threads).dictionary_encode()
    places, kinds = np.flatnonzero(differs), others.indices.to_numpy().astype(np.int64)
    opens = places[np.unique(kinds, return_index=True)[1]]
    keys = _keys(leading, others.dictionary, numbers[opens])
    numbers[places] = len(leading) + kinds
    # a copy is saved where all are leading
    distinct = pa.concat_arrays([leading, others.dictionary]) if len(places) else leading
    return Numbered(distinct, _split(numbers, columns), keys)


def keys(texts: pa.Array | pa.ChunkedArray) -> Ints:
    """(m,): for each text its key, equal exactly for texts that are equal after `fold`."""
    found = numbered(texts)
    return found.keys.take(found.numbers[0])


def once(*columns: pa.ChunkedArray, without: Sequence[pa.ChunkedArray] = ()) -> pa.Array:
    """Of all texts of the columns that are equal after `fold` the first by code point, sorted by code point.

    without: columns with texts that are left out, and so are those that equal one of them.
    """
    texts, left_out = distinct(*columns), distinct(*without)
    found = keys(pa.concat_arrays([left_out, texts]))
    places = np.unique(found, return_index=True)[1] - len(left_out)
    return texts.take(pa.array(np.sort(places[places >= 0])))


def _slices(texts: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return [chunk.slice(start, _SLICE).cast(pa.string()) for chunk in chunks for start in range(0, len(chunk), _SLICE)]


def _split(values: NDArray[Any], like: Sequence[pa.Array | pa.ChunkedArray]) -> list[NDArray[Any]]:
    """`values` in pieces as long as each of `like`."""
    return np.split(values, np.cumsum([len(piece) for piece in like])[:-1]) if like else []


def _joined(kind: type[np.generic], pieces: Iterable[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *pieces])


def _firsts(hashed: Ints, threads: ThreadPoolExecutor) -> Ints:
    """The place of the first of each hash, part by part."""
    parts = (hashed.view(np.uint64) >> np.uint64(64 - _BITS)).astype(np.uint8)
    found = np.empty(len(hashed), np.int64)

    def part(number: int) -> None:
        own = np.flatnonzero(parts == number)
        found[own] = own.take(firsts(hashed.take(own)))

    list(threads.map(part, range(1 << _BITS)))
    return found


def _chosen(slices: Sequence[pa.Array], mask: Bools, threads: ThreadPoolExecutor) -> pa.Array:
    """The texts where the mask is set."""
    own = threads.map(lambda texts, mask: texts.filter(pa.array(mask)), slices, _split(mask, slices))
    return pa.concat_arrays([pa.array([], pa.string()), *own])


def _differ(texts: pa.Array, leading: pa.Array, places: Ints) -> Bools:
    """(m,): which texts are not, to the letter, the leading ones at `places`."""
    return np.asarray(pc.not_equal(texts, leading.take(pa.array(places))).to_numpy(zero_copy_only=False), np.bool_)


def _keys(leading: pa.Array, others: pa.Array, places: Ints) -> Ints:
    """The keys of both; `places` are where the texts are that have the hashes of the others.

    Two texts of one hash that are not the same after `fold` get keys of their own.
    """
    own: dict[str, int] = {}
    keys = places.tolist()
    pairs = zip(others.to_pylist(), leading.take(pa.array(places)).to_pylist(), strict=True)
    for number, (text, leader) in enumerate(pairs):
        if (folded := fold(text)) != fold(leader):
            keys[number] = own.setdefault(folded, len(leading) + len(own))
    return np.concatenate([np.arange(len(leading)), np.array(keys, np.int64)])
