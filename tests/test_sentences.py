"""Distinct texts are the same for any order, numbers lead back to them, and `fold` says which count as equal."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.sentences import distinct, fold, number

FUZZ = settings(derandomize=True, deadline=None)
# few letters, so that texts often coincide; ß, İ and ſ grow or change when folded; U+2028 and U+3000 are white
texts = st.lists(st.text(alphabet="aAßsSİiſñÑ \u2028\u3000\U0001f600\uffff", max_size=4), max_size=30)


def column(values: list[str], chunks: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values[part::chunks], pa.string()) for part in range(chunks)], pa.string())


@FUZZ
@given(texts, texts, st.integers(1, 3))
def test_distinct_is_the_sorted_set_of_all_columns_however_they_are_chunked(
    left: list[str], right: list[str], chunks: int
) -> None:
    assert distinct(column(left, chunks), column(right, 1)).to_pylist() == sorted({*left, *right})


@FUZZ
@given(texts, texts, st.integers(1, 3))
def test_a_number_leads_back_to_its_text(values: list[str], more: list[str], chunks: int) -> None:
    cut = column(values, chunks)
    known = distinct(cut, column(more, 1))
    places = number(cut, known)
    assert places.dtype == np.int64
    assert known.take(pa.array(places)).to_pylist() == cut.to_pylist()


def test_case_and_outer_blanks_do_not_part_two_sentences_but_accents_and_inner_blanks_do() -> None:
    assert fold(" ¿VIENES? \n") == fold("¿vienes?")
    assert fold("STRASSE") == fold("straße")
    assert fold("esta") != fold("está")
    assert fold("a  b") != fold("a b")
