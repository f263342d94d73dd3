"""Numbers lead back to texts, and `fold` says which texts count as equal."""

import re
import sys
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.numbering import distinct
from terna.sentences import fold, number

FUZZ = settings(derandomize=True, deadline=None)
# few letters, so that texts often coincide; ß, İ and ſ grow or change when folded; U+2028 and U+3000 are white
texts = st.lists(st.text(alphabet="aAßsSİiſñÑ \u2028\u3000\U0001f600\uffff", max_size=4), max_size=30)


def column(values: list[str], chunks: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values[part::chunks], pa.string()) for part in range(chunks)], pa.string())


@FUZZ
@given(texts, texts, st.integers(1, 3))
def test_a_number_leads_back_to_its_text(values: list[str], more: list[str], chunks: int) -> None:
    cut = column(values, chunks)
    known = distinct(cut, column(more, 1))
    places = number(cut, known)
    assert places.dtype == np.int64
    assert known.take(pa.array(places)).to_pylist() == cut.to_pylist()


def test_case_white_space_and_composition_do_not_part_two_sentences_but_accents_do() -> None:
    assert fold(" ¿VIENES? \n") == fold("¿vienes?")
    assert fold("STRASSE") == fold("straße")
    assert fold("a \u3000\tb") == fold("a b") != fold("ab")
    assert fold("esta") != fold("está")
    assert fold("MAN\u0303ANA") == fold("mañana") != fold("manana")


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


# letters whose marks move or become letters when folded, marks of several classes, and white
odd = st.text(
    alphabet="aAáÁñÑßſŁİiıΑᾳᾼΐΰΆ\u0300\u0301\u0303\u0307\u0327\u0345\u1fbf\u212b \t\u2000\u2028\u3000", max_size=6
)


@FUZZ
@given(odd | st.text(max_size=6), odd | st.text(max_size=6))
def test_texts_are_the_same_exactly_by_unicodes_canonical_caseless_match(left: str, right: str) -> None:
    white = re.compile(r"\s+")
    for one, other in ((left, right), (left, nfd(left)), (left, unicodedata.normalize("NFC", left.swapcase()))):
        plain = [nfd(nfd(white.sub(" ", text).strip()).casefold()) for text in (one, other)]
        assert (fold(one) == fold(other)) == (plain[0] == plain[1])


def test_every_code_point_is_the_same_as_what_it_is_made_of_and_what_is_left_of_it_stays() -> None:
    for code in range(sys.maxunicode + 1):
        if not 0xD800 <= code < 0xE000:
            folded = fold(chr(code))
            assert folded == fold(nfd(chr(code))) == unicodedata.normalize("NFC", folded) == fold(folded)
