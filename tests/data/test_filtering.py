"""What is shared with a benchmark is counted, listed, and left out as the setting says: against loops over rows."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.contamination import OVERLAPS
from terna.data.contamination.filtering import (
    costly,
    distinct_sentences,
    listing,
    rows_of,
    sentences_in,
    shared_counts,
    without,
)
from terna.data.numbering import distinct, numbered
from terna.records import LABELS, PAIRS

FUZZ = settings(derandomize=True, deadline=None, max_examples=100)
names = st.sampled_from("abcdefgh")
rows = st.tuples(names, names, st.sampled_from(LABELS), st.just("es"), st.sampled_from(["one", "two"]))
tables = st.lists(rows, min_size=1, max_size=20)
kinds = st.dictionaries(st.tuples(names, st.sampled_from(["first", "second"])), st.sampled_from(["exact", "near"]))
WHICH = {"none": [], "exact": ["exact"], "near": ["exact", "near"]}


def pairs_of(found: list[tuple[str, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(PAIRS.names, row, strict=True)) for row in found], schema=PAIRS)


def shared_of(sentences: pa.ChunkedArray, found: dict[tuple[str, str], str]) -> pa.Table:
    """An OVERLAPS table of those of the found that are sentences."""
    texts = sentences.to_pylist()
    listed = [
        (texts.index(text), benchmark, text.upper(), kind, 1.0 if kind == "exact" else 0.9)
        for (text, benchmark), kind in sorted(found.items())
        if text in texts
    ]
    return pa.Table.from_pylist([dict(zip(OVERLAPS.names, row, strict=True)) for row in listed], schema=OVERLAPS)


@FUZZ
@given(tables, kinds, st.sampled_from(sorted(WHICH)))
def test_the_pairs_that_are_left_are_those_that_a_loop_leaves(
    found: list[tuple[str, ...]], like: dict[tuple[str, str], str], which: str
) -> None:
    pairs = pairs_of(found)
    sentences = distinct(pairs["premise"], pairs["hypothesis"])
    clean = without(pairs, costly(sentences, shared_of(sentences, like), which))
    bad = {text for (text, _), kind in like.items() if kind in WHICH[which]}
    expected = [row for row in found if row[0] not in bad and row[1] not in bad]
    assert [tuple(row.values()) for row in clean.to_pylist()] == expected
    distincts = distinct_sentences([pairs, pairs], numbered(*sentences_in([pairs, pairs])))
    for corpus in ("one", "two"):
        assert rows_of([clean, pairs])[corpus] == sum(row[4] == corpus for row in [*expected, *found])
        assert distincts[corpus] == len({text for row in found if row[4] == corpus for text in row[:2]})


@FUZZ
@given(tables, kinds)
def test_every_shared_sentence_is_counted_and_listed_with_the_corpora_that_have_it(
    found: list[tuple[str, ...]], like: dict[tuple[str, str], str]
) -> None:
    pairs = pairs_of(found)
    sentences = numbered(pairs["premise"], pairs["hypothesis"]).texts
    shared = shared_of(sentences, like)
    counts = shared_counts(shared, ["first", "second", "third"])
    assert counts["third"] == {"exact": 0, "near": 0}
    for benchmark in ("first", "second"):
        for kind in ("exact", "near"):
            expected = sum(
                1
                for (text, name), one in like.items()
                if name == benchmark and one == kind and any(text in row[:2] for row in found)
            )
            assert counts[benchmark][kind] == expected
    told = listing([pairs], sentences, shared).to_pylist()
    assert len(told) == len(shared)
    assert [row["sentence"] for row in told] == sorted(row["sentence"] for row in told)
    for row in told:
        assert row["scored"] == row["sentence"].upper()
        assert row["kind"] == like[row["sentence"], row["benchmark"]]
        having = {pair[4] for pair in found if row["sentence"] in pair[:2]}
        assert row["corpora"] == " ".join(sorted(having))


def test_an_unknown_choice_is_an_error() -> None:
    pairs = pairs_of([("a", "b", "neutral", "es", "one")])
    with pytest.raises(KeyError):
        costly(distinct(pairs["premise"]), OVERLAPS.empty_table(), "some")
