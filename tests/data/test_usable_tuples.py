"""A tuple in which two texts count as the same is left out, and no other: against a loop over rows."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data import tuples
from terna.data.tuples import usable
from terna.records import TUPLES
from terna.sentences import fold

names = st.sampled_from(["a", "A", "b", "B ", "c", "ñ", "N\u0303", "d", "e"])
rows = st.lists(st.tuples(names, names, st.lists(names, max_size=3), st.just("c")), max_size=12)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(rows, st.booleans(), st.integers(1, 4))
def test_a_tuple_is_usable_when_its_texts_are_all_different(
    found: list[tuple[str, str, list[str], str]], joined: bool, block: int
) -> None:
    parts = [pa.Table.from_pylist([dict(zip(TUPLES.names, row, strict=True))], schema=TUPLES) for row in found]
    table = pa.concat_tables([TUPLES.empty_table(), *parts])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuples, "BLOCK", block)
        kept, repeated = usable(table.combine_chunks() if joined else table)
    texts = [[fold(text) for text in (anchor, positive, *negatives)] for anchor, positive, negatives, _ in found]
    expected = [row for row, own in zip(found, texts, strict=True) if len(set(own)) == len(own)]
    assert [tuple(row.values()) for row in kept.to_pylist()] == expected
    assert repeated == len(found) - len(expected)
