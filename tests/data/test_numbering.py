"""Numbers stand for texts, and keys are equal exactly where texts count as equal, whatever their hashes are."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.arrays import Ints, take
from terna.data.numbering import distinct, keys, numbered, numbers, once
from terna.data.numbering.hashes import hashes
from terna.sentences import fold

FUZZ = settings(derandomize=True, deadline=None)
# few letters, so that texts often coincide; ß, İ and ſ grow or change when folded; U+2028 and U+3000 are white
texts = st.lists(st.text(alphabet="aAßsSİiſñÑn\u0303 \u2028\u3000\U0001f600\uffff", max_size=4), max_size=30)


def by_first(values: list[int] | list[str]) -> list[int]:
    """For each value the place of the first that equals it."""
    first: dict[int | str, int] = {}
    return [first.setdefault(value, place) for place, value in enumerate(values)]


def column(values: list[str], chunks: int) -> pa.ChunkedArray:
    half = -(-len(values) // chunks)
    return pa.chunked_array([pa.array(values[part * half : (part + 1) * half], pa.string()) for part in range(chunks)])


def check(columns: list[list[str]], chunks: int) -> None:
    found = numbered(*(column(values, chunks) for values in columns))
    distinct, every = found.texts.to_pylist(), [value for values in columns for value in values]
    assert sorted(distinct) == sorted(set(every))
    for values, places in zip(columns, found.numbers, strict=True):
        assert places.dtype == np.int64
        assert [distinct[place] for place in places] == values
    plain = [fold(text) for text in distinct]
    same = np.array([[a == b for b in plain] for a in plain], bool).reshape(len(plain), len(plain))
    assert np.array_equal(np.equal.outer(found.keys, found.keys), same)


@FUZZ
@given(texts, texts, st.integers(1, 3))
def test_numbers_lead_back_to_the_texts_and_keys_are_those_of_fold(
    left: list[str], right: list[str], chunks: int
) -> None:
    check([left, right], chunks)


def by_length(values: pa.Array) -> Ints:
    return np.array([len(fold(value)) % 3 for value in values.to_pylist()], np.int64)


@FUZZ
@given(texts, texts)
def test_texts_that_share_a_hash_without_being_equal_are_told_apart(left: list[str], right: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "hashes", by_length)
        check([left, right], 2)


def test_what_a_thread_takes_at_once_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = ["".join(rng.choice(list("aAñÑ ß"), rng.integers(0, 5))) for _ in range(500)]
    expected, alone = numbered(column(values, 1)), once(column(values, 1), without=[column(["Ñ"], 1)])
    for size in (1, 7, 100):
        monkeypatch.setattr(numbers, "_SLICE", size)
        found = numbered(column(values, 3))
        assert found.texts.equals(expected.texts)
        assert np.array_equal(found.numbers[0], expected.numbers[0])
        assert np.array_equal(found.keys, expected.keys)
        assert once(column(values, 3), without=[column(["Ñ"], 1)]).to_pylist() == alone.to_pylist()


def test_no_column_and_columns_without_a_text_give_no_number() -> None:
    assert len(numbered().texts) == len(numbered().keys) == len(numbered().numbers) == 0
    found = numbered(pa.chunked_array([], pa.string()), column(["a"], 1), pa.array([], pa.string()))
    assert [part.tolist() for part in found.numbers] == [[], [0], []]


def test_keys_fold_every_code_point_as_fold_does_and_what_it_changes_at_either_end_and_inside_too() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    changed = [one for one in characters if fold(one) != one or one < "\u0800"]
    values = [
        *characters,
        *(formed.format(one) for formed in ("{}A", "A{}", "A{}É", "Ã{}Ã", "a {} b") for one in changed),
    ]
    found = keys(pa.array(values, pa.string())).tolist()
    assert by_first(found) == by_first([fold(value) for value in values])


@FUZZ
@given(st.lists(st.text(max_size=4) | st.sampled_from(["", " ", "a", "A\t", "É", "é ", "ß", "SS"]), max_size=40))
def test_keys_are_those_of_fold_and_the_same_however_texts_are_chunked(values: list[str]) -> None:
    half = len(values) // 2
    pieces = [pa.array(values[:half], pa.string()), pa.array(["x", *values[half:]], pa.string()).slice(1)]
    found = keys(pa.array(values, pa.string())).tolist()
    assert keys(pa.chunked_array(pieces)).tolist() == found
    assert by_first(found) == by_first([fold(value) for value in values])


@pytest.mark.parametrize("pair", ["@`", "[{", "×÷", "^~", "0\x10", "ѡс"])
def test_texts_that_differ_in_the_bit_of_case_alone_without_being_letters_are_told_apart(pair: str) -> None:
    values = [f"a{pair[0]} b", f"A{pair[1]} b", f"A{pair[0]} B"]
    assert len(set(hashes(pa.array(values)).tolist())) == 1
    assert by_first(keys(pa.array(values)).tolist()) == [0, 1, 0]


@FUZZ
@given(texts, texts, st.integers(1, 3))
def test_distinct_is_the_sorted_set_of_all_columns_however_they_are_chunked(
    left: list[str], right: list[str], chunks: int
) -> None:
    assert distinct(column(left, chunks), column(right, 1)).to_pylist() == sorted({*left, *right})


@FUZZ
@given(texts, texts, texts, st.integers(1, 3))
def test_of_texts_that_are_equal_the_first_by_code_point_is_kept_unless_one_like_it_is_left_out(
    left: list[str], right: list[str], without: list[str], chunks: int
) -> None:
    kept: dict[str, str] = {}
    for text in sorted({*left, *right}):
        kept.setdefault(fold(text), text)
    expected = sorted(text for key, text in kept.items() if key not in {fold(each) for each in without})
    found = once(column(left, chunks), column(right, chunks), without=[column(without, chunks)])
    assert found.to_pylist() == expected
    assert once(column(left, chunks)).to_pylist() == once(column(left, 1), without=[column([], 1)]).to_pylist()


@pytest.mark.slow  # hashes more than 2 GiB
def test_columns_of_more_bytes_than_arrow_can_join_are_numbered_sorted_and_taken_from() -> None:
    part = pa.array([f"{number:03} " + "á" * (1 << 19) for number in range(256)])
    column = pa.chunked_array([part] * 9)
    assert column.nbytes > 2**31
    with pytest.raises(pa.ArrowInvalid, match="overflow"):
        column.take(pa.array([0]))
    ends = np.array([len(column) - 1, 0])
    assert take(column, ends).to_pylist() == [column[place].as_py() for place in ends.tolist()]
    assert numbered(column).numbers[0].tolist() == [*range(256)] * 9
    assert distinct(column).equals(once(column)) and distinct(column).equals(pa.chunked_array([part]))
