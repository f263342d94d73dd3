"""Each sentence's translation stands in its place, and a pair that lost one is dropped and counted once."""

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.translation.rows import replace
from terna.records import LABELS, PAIRS

FUZZ = settings(derandomize=True, deadline=None, max_examples=100)
names = st.sampled_from("abcdef")
rows = st.tuples(names, names, st.sampled_from(LABELS), st.just("en"), st.sampled_from(["one", "two"]))


@FUZZ
@given(
    st.lists(rows, min_size=1, max_size=20), st.dictionaries(names, st.sampled_from(["empty", "looping"])), st.randoms()
)
def test_rows_are_those_of_a_loop(found: list[tuple[str, ...]], lost: dict[str, str], random: object) -> None:
    pairs = pa.Table.from_pylist([dict(zip(PAIRS.names, row, strict=True)) for row in found], schema=PAIRS)
    made = [
        {"source": text, "target": None if text in lost else text * 2, "reason": lost.get(text)} for text in "abcdef"
    ]
    random.shuffle(made)  # type: ignore[attr-defined]
    translations = pa.Table.from_pylist(
        made, schema=pa.schema([(name, pa.string()) for name in ("source", "target", "reason")])
    )
    table, dropped = replace(pairs, translations, "es")
    expected = [
        (premise * 2, hypothesis * 2, label, "es", corpus)
        for premise, hypothesis, label, _, corpus in found
        if premise not in lost and hypothesis not in lost
    ]
    assert [tuple(row.values()) for row in table.to_pylist()] == expected
    assert table.schema == PAIRS
    for name in {row[4] for row in found}:
        reasons = Counter(lost.get(row[0]) or lost.get(row[1]) for row in found if row[4] == name)
        del reasons[None]
        assert dropped[name] == reasons
