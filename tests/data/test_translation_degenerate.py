"""What is of no use is told by rule, and good Spanish passes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.translation import degenerate
from terna.data.translation.degenerate import repeats

FUZZ = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("A man is sleeping.", "Un hombre duerme."),
        ("no, no, no", "no, no, no"),
        ("No no no no!", "¡No no no no!"),
        ("Ha ha ha, very funny.", "Ja ja ja ja, muy gracioso."),
        ("Hi.", "Muy buenas, ¿qué tal está usted?"),
        ("Madrid", "Madrid"),
        ("Pablo Picasso, 1937", "Pablo Picasso, 1937"),
        ("555 0199 4471 02", "555 0199 4471 02"),
        ("1, 2, 3, 4, 5", "1, 2, 3, 4, 5"),
        ("Ok.", "Vale."),
        ("He said that he said that he knew.", "Dijo que dijo que dijo que lo sabía."),
        ("Row, row, row your boat.", "Rema, rema, rema en tu bote, rema."),
        ("the the the the end", "el el el el fin"),
        ("Yes", "1"),
    ],
)
def test_good_translations_pass(source: str, target: str) -> None:
    assert degenerate(source, target, ended=True) is None


@pytest.mark.parametrize("target", ["", " ", "...", "¿?", "—", "\u200b", "…¡!"])
def test_a_translation_without_letter_or_digit_is_empty(target: str) -> None:
    assert degenerate("A man is sleeping.", target, ended=True) == "empty"


@pytest.mark.parametrize(
    "target",
    ["A man is sleeping.", "a man  is sleeping", "A MAN IS SLEEPING", "«A man is sleeping»", "\tA man, is sleeping!"],
)
def test_the_source_in_other_case_space_and_punctuation_is_copied(target: str) -> None:
    assert degenerate("A man is sleeping.", target, ended=True) == "copied"


def test_a_copy_of_three_words_passes_and_numbers_do_not_count_as_words() -> None:
    assert degenerate("San Juan Capistrano", "San Juan Capistrano", ended=True) is None
    assert degenerate("Apollo 11, July 20, 1969", "Apollo 11, July 20, 1969", ended=True) is None
    assert degenerate("I don't know him", "I don't know him", ended=True) == "copied"


@pytest.mark.parametrize(
    "target",
    [
        "que que que que",
        "un perro, un perro, un perro, un perro",
        "El hombre del saco del saco del saco del saco",
        "uno dos tres cuatro cinco seis siete ocho " * 4,
        "Un hombre. Un hombre! UN HOMBRE? un hombre",
    ],
)
def test_a_group_of_one_to_eight_words_four_times_in_a_row_is_looping(target: str) -> None:
    source = "A long sentence about a man with a sack, which says nothing twice and goes on for a while yet"
    assert degenerate(source, target, ended=True) == "looping"


def test_a_loop_is_measured_by_the_sources_own() -> None:
    assert degenerate("no no no no", "no " * 8, ended=True) is None
    assert degenerate("no no no no", "no " * 9, ended=True) == "looping"
    assert degenerate("really really", "de verdad " * 4, ended=True) is None
    assert degenerate("really", "de verdad " * 4, ended=True) == "looping"


def test_a_translation_of_more_than_three_times_the_length_and_some_is_too_long() -> None:
    source = "s" * 20
    words = " ".join(f"{number:04}" for number in range(40))
    assert degenerate(source, words[:90], ended=True) is None
    assert degenerate(source, words[:91], ended=True) == "too_long"
    assert degenerate(source, "Un hombre duerme.", ended=False) == "too_long"


def test_the_reason_that_says_most_comes_first() -> None:
    assert degenerate("a", "…" * 90, ended=False) == "empty"
    assert degenerate("a", "la la la la " * 20, ended=False) == "looping"
    text = "a b c d " * 9
    assert degenerate(text, text, ended=False) == "copied"


@FUZZ
@given(st.lists(st.sampled_from("ab"), max_size=30))
def test_repeats_are_those_that_a_regular_expression_finds(words: list[str]) -> None:
    text = "".join(words)
    found = [
        len(match[0]) // size
        for size in range(1, 9)
        for start in range(len(text))
        if (match := re.compile(rf"(.{{{size}}})\1*").match(text, start))
    ]
    assert repeats(words) == max(found, default=0)


@FUZZ
@given(st.text(max_size=40), st.text(max_size=40), st.booleans())
def test_any_text_gets_one_of_the_reasons_or_none(source: str, target: str, ended: bool) -> None:
    assert degenerate(source, target, ended=ended) in (None, "empty", "copied", "looping", "too_long")
