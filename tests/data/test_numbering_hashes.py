"""Hashes are equal exactly where texts count as equal, by the definition in Unicode, but for one bit of each byte."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.numbering import hashes as module
from terna.data.numbering.hashes import hashes

FUZZ = settings(derandomize=True, deadline=None)
# what is lowered at once and what is not, next to each other: × and ÷, µ, ß, marks, white of one to three bytes, NUL
texts = st.lists(
    st.text(max_size=4)
    | st.text(alphabet="aA@[`zZ\0 \t\x85\xa0ÀàÞþ×÷ßµ¡ªſŁİ\u0301\u0327\u0345\u2028\U0001f600", max_size=5),
    max_size=40,
)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def equal_by_fold(values: list[str]) -> np.ndarray:
    """Each text's first equal, where bytes of the folded texts are equal when they differ in the bit 0x20 alone."""
    folded = [unicodedata.normalize("NFC", nfd(nfd(" ".join(value.split())).casefold())) for value in values]
    first: dict[bytes, int] = {}
    coarse = [bytes(byte | 0x20 for byte in text.encode()) for text in folded]
    return np.array([first.setdefault(text, place) for place, text in enumerate(coarse)], int)


def equal_by_hash(values: pa.Array) -> np.ndarray:
    found = hashes(values)
    assert found.dtype == np.int64
    assert found.shape == (len(values),)
    first: dict[int, int] = {}
    return np.array([first.setdefault(value, place) for place, value in enumerate(found.tolist())], int)


def test_every_pair_of_characters_of_latin_1_is_folded_as_python_does() -> None:
    values = [chr(one) + chr(other) for one in range(256) for other in range(256)]
    assert np.array_equal(equal_by_hash(pa.array(values, pa.string())), equal_by_fold(values))


@FUZZ
@given(texts)
def test_hashes_are_equal_exactly_where_texts_are_a_canonical_caseless_match_but_for_runs_of_white(
    values: list[str],
) -> None:
    assert np.array_equal(equal_by_hash(pa.array(values, pa.string())), equal_by_fold(values))


@pytest.mark.parametrize("block", [1, 7, 64])
def test_a_hash_does_not_depend_on_slices_or_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = ["", *("".join(rng.choice(list("aAñÑ ×ßж"), rng.integers(0, 12))) for _ in range(500)), "", "a" * 300, ""]
    expected = hashes(pa.array(values, pa.string()))
    monkeypatch.setattr(module, "_BLOCK", block)
    padded = pa.array(["¿x", *values, "y"], pa.string()).slice(1, len(values))
    assert np.array_equal(hashes(padded), expected)
    assert np.array_equal(np.concatenate([hashes(padded.slice(0, 77)), hashes(padded.slice(77))]), expected)


@pytest.mark.parametrize("values", [[], [""], ["", ""], [" ", "", "\u3000"]])
def test_texts_without_a_letter_are_all_equal(values: list[str]) -> None:
    assert len(hashes(pa.array(values, pa.string()))) == len(values)
    assert len(set(hashes(pa.array(values, pa.string())).tolist())) <= 1


def test_a_million_similar_texts_have_a_million_hashes() -> None:
    """Short ones that differ in few bytes, in the same bytes, and in their order."""
    values = [f"{number:06d}" for number in range(500_000)] + [f"{number:06d}"[::-1] + "." for number in range(500_000)]
    assert len(np.unique(hashes(pa.array(values, pa.string())))) == len(values)


def test_the_upper_bits_are_spread_as_at_random() -> None:
    """The plan's table takes them for slots: 100,000 texts fill 1,024 of them much alike."""
    found = hashes(pa.array([f"texto {number}" for number in range(100_000)], pa.string()))
    filled = np.bincount((found.view(np.uint64) >> np.uint64(54)).astype(int), minlength=1024)
    assert 50 < filled.min() <= filled.max() < 160
