"""Rows of Arrow columns, however these are chunked, against Arrow's own take."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna import arrays
from terna.arrays import joined, take

texts = st.lists(st.text(alphabet="aAñ\U0001f600", max_size=4), max_size=30)


@settings(derandomize=True, deadline=None)
@given(st.lists(texts, max_size=6), st.booleans(), st.integers(1, 30), st.data())
def test_texts_are_taken_as_arrow_takes_them_however_many_bytes_are_in_a_chunk(
    values: list[list[str]], lists: bool, piece: int, data: st.DataObject
) -> None:
    kind = pa.list_(pa.string()) if lists else pa.string()
    chunks = [[[text, text] if len(text) > 1 else [text] * len(text) for text in part] for part in values]
    cut = pa.chunked_array([pa.array(part, kind) for part in (chunks if lists else values)], kind)
    places = data.draw(st.lists(st.integers(0, len(cut) - 1), max_size=20)) if len(cut) else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "PIECE", piece)
        patch.setattr(arrays, "TAKEN", piece)
        found, whole = take(cut, np.array(places, np.int64)), joined(cut)
    assert found.type == whole.type == kind
    assert found.to_pylist() == cut.take(pa.array(places, pa.int64())).to_pylist()
    assert whole.to_pylist() == cut.to_pylist()
    for chunk in found.chunks:
        assert len(chunk) == 1 or sum(len(text.encode()) for text in texts_in(chunk, lists)[1:]) <= piece
    for chunk in whole.chunks:
        assert chunk.nbytes <= piece or any(chunk.equals(own) for own in cut.chunks)


def texts_in(chunk: pa.Array, lists: bool) -> list[str]:
    """Each text, or those of each list as one."""
    return ["".join(one) for one in chunk.to_pylist()] if lists else chunk.to_pylist()
