"""Sentences numbered once: equality of texts becomes equality of integers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

# texts that to lower A-Z may not suffice for: white at an end, or a character that is not ASCII nor one of those of
# Latin-1 that casefold and strip leave as they are
_OTHERWISE = r"^[\x00-\x20]|[\x00-\x20]$|[^\x00-\x7f¡-´¶-¿×à-öø-ÿ÷]"


def distinct(*columns: pa.ChunkedArray) -> pa.Array:
    """The distinct texts of the columns, sorted by code point."""
    found = pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))
    return found.take(pc.sort_indices(found))


def number(column: pa.ChunkedArray, texts: pa.Array) -> Ints:
    """Each text's place among `texts`."""
    places: Ints = pc.index_in(column, value_set=texts).to_numpy().astype(np.int64)
    return places


def keys(texts: pa.Array | pa.ChunkedArray) -> Ints:
    """A number for each text, by first occurrence, the same for texts that are equal after strip and casefold."""
    pieces = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    with ThreadPoolExecutor() as threads:
        folded = pa.chunked_array(threads.map(_folded, pieces), pa.string())
    table = pa.table([folded, pa.array(np.arange(len(folded)))], names=["text", "place"])
    # takes half of dictionary_encode's time, but its groups come in an order of its own
    groups = table.group_by("text", use_threads=False).aggregate([("place", "list"), ("place", "min")])
    first, places = groups["place_min"].to_numpy(), groups["place_list"].combine_chunks()
    opens = np.zeros(len(folded), np.int64)
    opens[first] = 1
    numbers: Ints = np.empty(len(folded), np.int64)
    numbers[places.flatten()] = np.repeat((np.cumsum(opens) - 1)[first], places.value_lengths())
    return numbers


def _folded(texts: pa.Array) -> pa.Array:
    """`fold` of each text, by Arrow where that gives the same."""
    otherwise, lowered = pc.match_substring_regex(texts, _OTHERWISE), pc.ascii_lower(texts)
    slowly = pa.array([fold(text) for text in texts.filter(otherwise).to_pylist()], pa.string())
    # a copy is saved where there is nothing to replace
    return pc.replace_with_mask(lowered, otherwise, slowly) if len(slowly) else lowered


def fold(text: str) -> str:
    """What two texts have in common when they count as the same text."""
    return text.strip().casefold()
