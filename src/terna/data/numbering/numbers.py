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

from terna.arrays import Bools, Ints, by_chunk, take
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

    texts: the distinct texts; first those that occur first of all that have their hash, as texts that count as the same
    do, then the others, both by first occurrence. numbers: for each column (m,), where in `texts` its texts are. keys:
    (len(texts),), equal exactly for texts that are equal after `fold`.
    """

    texts: pa.ChunkedArray
    numbers: list[Ints]
    keys: Ints


def numbered(*columns: pa.Array | pa.ChunkedArray) -> Numbered:
    """Number the texts of the columns, one column after another.

    Where no text of a slice occurs before, it is not copied.
    """
    slices = [piece for column in columns for piece in _slices(column)]
    count = sum(map(len, slices))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        first = _firsts(_joined(count, np.int64, threads.map(hashes, slices)), threads)
        leads = first == np.arange(count)
        leading = _chosen(slices, leads, threads)
        ranks, numbers = _ranks(leads), np.empty(count, np.int64)

        def differ(texts: pa.Array, leads: Bools, first: Ints, places: Ints) -> Bools:
            places[:] = ranks.take(first)
            return _differ(texts, leads, leading, places)

        pieces = threads.map(differ, slices, *(_split(each, slices) for each in (leads, first, numbers)))
        differs = _joined(count, np.bool_, pieces)
        others = _chosen(slices, differs, threads)
    if not len(others):
        return Numbered(leading, _split(numbers, columns), np.arange(len(leading)))
    places, kinds = np.flatnonzero(differs), _kinds(others)
    opens = np.unique(kinds, return_index=True)[1]
    variants = take(others, opens)
    keys = _keys(leading, variants, numbers[places[opens]])
    numbers[places] = len(leading) + kinds
    return Numbered(pa.chunked_array([*leading.chunks, *variants.chunks]), _split(numbers, columns), keys)


def keys(texts: pa.Array | pa.ChunkedArray) -> Ints:
    """(m,): for each text its key, equal exactly for texts that are equal after `fold`."""
    found = numbered(texts)
    return found.keys.take(found.numbers[0])


def distinct(*columns: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """The distinct texts of the columns, sorted by code point."""
    texts = numbered(*columns).texts
    return take(texts, sorted_places(texts))


def once(*columns: pa.ChunkedArray, without: Sequence[pa.ChunkedArray] = ()) -> pa.ChunkedArray:
    """Of all texts of the columns that are equal after `fold` the first by code point, sorted by code point.

    without: columns with texts that are left out, and so are those that equal one of them.
    """
    found = numbered(*without, *columns)
    texts, keys = found.texts, found.keys
    seen = np.zeros(int(keys.max(initial=-1)) + 1, np.bool_)
    for column in found.numbers[: len(without)]:
        seen[keys.take(column)] = True
    # of millions of texts each list of numbers takes hundreds of megabytes
    del found
    order = sorted_places(texts)
    chosen = np.zeros(len(order), np.bool_)
    for first in range(0, len(order), _SLICE):
        own = keys.take(order[first : first + _SLICE])
        places = np.unique(own, return_index=True)[1]
        chosen[first + places[~seen[own[places]]]] = True
        seen[own] = True
    del keys
    return take(texts, order[chosen])


def sorted_places(texts: pa.ChunkedArray) -> Ints:
    """(len(texts),): where the texts are, in their order by code point."""
    places: Ints = pc.sort_indices(texts).to_numpy().view(np.int64)
    return places


def _slices(texts: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return [chunk.slice(start, _SLICE).cast(pa.string()) for chunk in chunks for start in range(0, len(chunk), _SLICE)]


def _split(values: NDArray[Any], like: Sequence[pa.Array | pa.ChunkedArray]) -> list[NDArray[Any]]:
    """`values` in pieces as long as each of `like`."""
    return np.split(values, np.cumsum([len(piece) for piece in like])[:-1]) if like else []


def _joined(count: int, kind: type[np.generic], pieces: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The pieces one after another, `count` values in all; of each no more than one is held."""
    found, first = np.empty(count, kind), 0
    for piece in pieces:
        found[first : first + len(piece)] = piece
        first += len(piece)
    return found


def _firsts(hashed: Ints, threads: ThreadPoolExecutor) -> Ints:
    """The place of the first of each hash, part by part."""
    parts = (hashed.view(np.uint64) >> np.uint64(64 - _BITS)).astype(np.uint8)
    found = np.empty(len(hashed), np.int64)

    def part(number: int) -> None:
        own = np.flatnonzero(parts == number)
        found[own] = own.take(firsts(hashed.take(own)))

    list(threads.map(part, range(1 << _BITS)))
    return found


def _chosen(slices: Sequence[pa.Array], mask: Bools, threads: ThreadPoolExecutor) -> pa.ChunkedArray:
    """The texts where the mask is set."""
    own = threads.map(_filtered, slices, _split(mask, slices))
    return pa.chunked_array([piece for piece in own if len(piece)], pa.string())


def _ranks(mask: Bools) -> Ints:
    """(m,): how many are set before each, in as few bytes as do."""
    ranks: Ints = np.cumsum(mask, dtype=np.int32 if len(mask) < 2**31 else np.int64)
    ranks -= mask
    return ranks


def _filtered(texts: pa.Array, mask: Bools) -> pa.Array:
    return texts if mask.all() else texts.filter(pa.array(mask))


def _differ(texts: pa.Array, leads: Bools, leading: pa.ChunkedArray, places: Ints) -> Bools:
    """(m,): which texts are not, to the letter, the leading ones at `places`; leads: which are these themselves."""
    others = np.flatnonzero(~leads)
    differs = np.zeros(len(texts), np.bool_)
    for which, known in by_chunk(leading, places.take(others)):
        own = others.take(which)
        differs[own] = pc.not_equal(texts.take(pa.array(own)), known).to_numpy(zero_copy_only=False)
    return differs


def _kinds(texts: pa.ChunkedArray) -> Ints:
    """(m,): which of the distinct texts each is, by first occurrence."""
    known: dict[str, int] = {}
    found = []
    for chunk in texts.chunks:
        coded = chunk.dictionary_encode()
        numbers = [known.setdefault(text, len(known)) for text in coded.dictionary.to_pylist()]
        found.append(np.array(numbers, np.int64).take(coded.indices.to_numpy()))
    return np.concatenate(found)


def _keys(leading: pa.ChunkedArray, others: pa.ChunkedArray, places: Ints) -> Ints:
    """The keys of both; `places` are where the texts are that have the hashes of the others.

    Two texts of one hash that are not the same after `fold` get keys of their own.
    """
    own: dict[str, int] = {}
    keys = places.tolist()
    pairs = zip(others.to_pylist(), take(leading, places).to_pylist(), strict=True)
    for number, (text, leader) in enumerate(pairs):
        if (folded := fold(text)) != fold(leader):
            keys[number] = own.setdefault(folded, len(leading) + len(own))
    return np.concatenate([np.arange(len(leading)), np.array(keys, np.int64)])
