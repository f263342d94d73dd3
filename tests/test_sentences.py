"""Numbers stand for texts: the same for any order, and equal keys exactly where texts count as equal."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.sentences import distinct, fold, keys, number

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


@FUZZ
@given(texts)
def test_keys_are_equal_exactly_where_texts_are_after_strip_and_casefold(values: list[str]) -> None:
    known = distinct(column(values, 1))
    plain = [text.strip().casefold() for text in known.to_pylist()]
    same = [[a == b for b in plain] for a in plain]
    found = keys(known)
    assert found.dtype == np.int64
    assert np.array_equal(np.equal.outer(found, found), np.array(same, bool).reshape(len(known), len(known)))


def test_case_and_outer_blanks_do_not_part_two_sentences_but_accents_and_inner_blanks_do() -> None:
    assert fold(" ¿VIENES? \n") == fold("¿vienes?")
    assert fold("STRASSE") == fold("straße")
    assert fold("esta") != fold("está")
    assert fold("a  b") != fold("a b")


@pytest.mark.slow
def test_keys_fold_every_code_point_as_python_does_alone_at_either_end_and_inside() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    for formed in ("{}", "{}A", "A{}", "A{}É"):
        values = [formed.format(character) for character in characters]
        folded = [fold(value) for value in values]
        first = {text: place for place, text in reversed(list(enumerate(folded)))}
        rank = {place: number for number, place in enumerate(sorted(first.values()))}
        assert keys(pa.array(values, pa.string())).tolist() == [rank[first[text]] for text in folded]


@FUZZ
@given(st.lists(st.text(max_size=4) | st.sampled_from(["", " ", "a", "A\t", "É", "é ", "ß", "SS"]), max_size=40))
def test_keys_are_numbered_by_the_first_text_of_each_class_however_they_are_chunked(values: list[str]) -> None:
    folded = list(dict.fromkeys(fold(value) for value in values))
    expected = [folded.index(fold(value)) for value in values]
    half = len(values) // 2
    pieces = [pa.array(values[:half], pa.string()), pa.array(["x", *values[half:]], pa.string()).slice(1)]
    assert keys(pa.chunked_array(pieces)).tolist() == keys(pa.array(values, pa.string())).tolist() == expected
