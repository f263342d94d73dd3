"""What words mean: against a slow alignment by the book, and on words whose meaning is planted."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terna.data.word_alignment import MOST, NOISE, NULL, ROUNDS, STEEP, Sentences, alignment

NONE = ""
WORDS = st.lists(st.sampled_from("abcde"), min_size=0, max_size=4)
PAIRS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6)


def by_the_book(given: Sentences, made: Sentences) -> dict[tuple[str, str], float]:
    """Expected counts of EM over every link, one at a time."""
    chance: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    counts: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS):
        counts = defaultdict(float)
        for one, other in zip(given, made, strict=True):
            for row, word in enumerate(other):
                near = [math.exp(-STEEP * abs(at / len(one) - row / len(other))) for at in range(len(one))]
                links = [*zip(one, near, strict=True), (NONE, NULL)]
                total = sum(chance[first, word] * weight for first, weight in links)
                for first, weight in links:
                    counts[first, word] += chance[first, word] * weight / total
        totals: dict[str, float] = defaultdict(float)
        for (first, _), count in counts.items():
            totals[first] += count
        chance = defaultdict(float, {pair: count / totals[pair[0]] for pair, count in counts.items()})
    return {pair: count for pair, count in counts.items() if pair[0] != NONE}


@given(PAIRS)
def test_counts_are_those_of_a_slow_alignment(pairs: list[tuple[list[str], list[str]]]) -> None:
    targets, sources = [one for one, _ in pairs], [other for _, other in pairs]
    forth, back = by_the_book(targets, sources), by_the_book(sources, targets)
    expected = {
        pair: math.sqrt(count * back[pair[1], pair[0]]) for pair, count in forth.items() if (pair[1], pair[0]) in back
    }
    found = {(row["word"], row["translation"]): row["count"] for row in alignment(targets, sources).to_pylist()}
    clear = {pair: count for pair, count in expected.items() if abs(count - NOISE) > 1e-9}
    kept = {pair: count for pair, count in clear.items() if count > NOISE}
    if all(sum(word == first for first, _ in kept) <= MOST for word, _ in kept):
        assert set(kept) <= set(found)
    for pair, count in found.items():
        assert count == pytest.approx(expected[pair], rel=1e-9)


def test_a_planted_dictionary_is_found_again_from_shuffled_sentences() -> None:
    rng = np.random.default_rng(4)
    words = [f"w{number}" for number in range(40)]
    sources = [list(rng.choice(words, size=6)) for _ in range(400)]
    targets = [[f"p{word[1:]}" for word in sentence] for sentence in sources]
    for sentence in targets:
        place = int(rng.integers(5))
        sentence[place : place + 2] = sentence[place : place + 2][::-1]
    best: dict[str, str] = {}
    for row in alignment(targets, sources).to_pylist():
        best.setdefault(row["word"], row["translation"])
    assert best == {f"p{number}": f"w{number}" for number in range(40)}


def test_rows_are_sorted_and_few_for_a_word_and_nothing_comes_of_nothing() -> None:
    rng = np.random.default_rng(5)
    sources = [list(rng.choice(list("abcdefghij"), size=8)) for _ in range(30)]
    rows = alignment([["x", "y", "x"]] * 30, sources).to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["word"], -row["count"], row["translation"]))
    assert max(sum(row["word"] == word for row in rows) for word in "xy") <= MOST
    assert len(alignment([], [])) == len(alignment([[]], [["a"]])) == 0
