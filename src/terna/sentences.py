"""Sentences numbered once: equality of texts becomes equality of integers."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def distinct(*columns: pa.ChunkedArray) -> pa.Array:
    """The distinct texts of the columns, sorted by code point."""
    found = pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string()))
    return found.take(pc.sort_indices(found))


def number(column: pa.ChunkedArray, texts: pa.Array) -> Ints:
    """Each text's place among `texts`."""
    places: Ints = pc.index_in(column, value_set=texts).to_numpy().astype(np.int64)
    return places


def keys(texts: pa.Array) -> Ints:
    """A number for each text, the same for texts that are equal after strip and casefold."""
    folded = pa.array([fold(text) for text in texts.to_pylist()], pa.string())
    classes: Ints = folded.dictionary_encode().indices.to_numpy().astype(np.int64)
    return classes


def fold(text: str) -> str:
    """What two texts have in common when they count as the same text."""
    return text.strip().casefold()
