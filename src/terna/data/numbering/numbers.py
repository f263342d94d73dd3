"""Each distinct text numbered once: equal texts are found by their hashes, and then compared as texts."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Bools, Ints
from terna.data.numbering.equality import firsts
from terna.data.numbering.hashes import hashes
from terna.sentences import fold

# texts that a thread takes at once
_SLICE = 1 << 18
# upper bits that part the hashes, so that the table of each part stays in the processor's cache
_BITS = 3


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers.

    texts: the distinct texts; those that occur first of all that count as the same text come before the others, both by
    first occurrence. numbers: for each column (m,), where in `texts` its texts are. keys: (len(texts),), equal exactly
    for texts that are equal after strip and casefold.
    """

    texts: pa.Array
    numbers: list[Ints]
    keys: Ints


def numbered(*columns: pa.Array | pa.ChunkedArray) -> Numbered:
    """Number the texts of the columns, one column after another."""
    slices = [piece for column in columns for piece in _slices(column)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        hashed = np.concatenate([np.zeros(0, np.int64), *threads.map(hashes, slices)])
        first = _firsts(hashed, threads)
        leads = first == np.arange(len(first))
        leading = _chosen(slices, leads)
        numbers = (np.cumsum(leads) - 1).take(first)
        found = threads.map(lambda texts, places: _differ(texts, leading, places), slices, _split(numbers, slices))
        differs = np.concatenate([np.zeros(0, np.bool_), *found])
    others = _chosen(slices, differs).dictionary_encode()
    places, kinds = np.flatnonzero(differs), others.indices.to_numpy().astype(np.int64)
    opens = places[np.unique(kinds, return_index=True)[1]]
    keys = _keys(leading, others.dictionary, numbers[opens])
    numbers[places] = len(leading) + kinds
    return Numbered(pa.concat_arrays([leading, others.dictionary]), _split(numbers, columns), keys)


def keys(texts: pa.Array | pa.ChunkedArray) -> Ints:
    """(m,): for each text its key, equal exactly for texts that are equal after strip and casefold."""
    found = numbered(texts)
    return found.keys.take(found.numbers[0])


def _slices(texts: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return [chunk.slice(start, _SLICE).cast(pa.string()) for chunk in chunks for start in range(0, len(chunk), _SLICE)]


def _split(values: Ints, like: Sequence[pa.Array | pa.ChunkedArray]) -> list[Ints]:
    """`values` in pieces as long as each of `like`."""
    return np.split(values, np.cumsum([len(piece) for piece in like])[:-1]) if like else []


def _firsts(hashed: Ints, threads: ThreadPoolExecutor) -> Ints:
    """`firsts` of hashes."""
    parts = (hashed.view(np.uint64) >> np.uint64(64 - _BITS)).astype(np.uint8)
    found = np.empty(len(hashed), np.int64)

    def part(number: int) -> None:
        own = np.flatnonzero(parts == number)
        found[own] = own.take(firsts(hashed.take(own)))

    list(threads.map(part, range(1 << _BITS)))
    return found


def _chosen(slices: Sequence[pa.Array], mask: Bools) -> pa.Array:
    """The texts where the mask is set."""
    places = map(np.flatnonzero, np.split(mask, np.cumsum([len(piece) for piece in slices])[:-1]))
    taken = [piece.take(pa.array(own)) for piece, own in zip(slices, places, strict=False)]
    return pa.concat_arrays([pa.array([], pa.string()), *taken])


def _differ(texts: pa.Array, leading: pa.Array, places: Ints) -> Bools:
    """(m,): which texts are not, to the letter, the leading ones at `places`."""
    return np.asarray(pc.not_equal(texts, leading.take(pa.array(places))).to_numpy(zero_copy_only=False), np.bool_)


def _keys(leading: pa.Array, others: pa.Array, places: Ints) -> Ints:
    """The keys of both; `places` are where the texts are that have the hashes of the others.

    Two texts of one hash that are not the same after strip and casefold get keys of their own.
    """
    own: dict[str, int] = {}
    keys = places.tolist()
    pairs = zip(others.to_pylist(), leading.take(pa.array(places)).to_pylist(), strict=True)
    for number, (text, leader) in enumerate(pairs):
        if (folded := fold(text)) != fold(leader):
            keys[number] = own.setdefault(folded, len(leading) + len(own))
    return np.concatenate([np.arange(len(leading)), np.array(keys, np.int64)])
