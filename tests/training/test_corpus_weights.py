"""Corpora mixed by weight: which corpus a triplet is from, and how often an epoch has it."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from triplets_oracle import Pair, rows, samples, table

from terna.data.triplets import build
from terna.errors import DataError
from terna.records import LABELS
from terna.training.corpus_weights import drawn

FUZZ = settings(derandomize=True, deadline=None, max_examples=200)
# so few that a pair often stands in several corpora
names = st.sampled_from(["a", "A", "b", "c"])
mixes = st.lists(st.tuples(names, names, st.sampled_from(LABELS), st.sampled_from(["x", "b", "m"])), max_size=40)
weights_of_three = st.lists(st.floats(0, 3), min_size=3, max_size=3)


@FUZZ
@given(mixes)
@example([("a", "b", "entailment", "m"), ("b", "a", "entailment", "b"), ("a", "c", "contradiction", "x")])
def test_a_triplet_is_of_the_corpus_that_its_anchor_and_positive_are_a_pair_of(mix: list[tuple[str, ...]]) -> None:
    pairs = pa.concat_tables(
        [table([(one, other, label)], corpus=name) for one, other, label, name in mix] or [table([])]
    )
    try:
        split = build(pairs, target="es", seed=1, dev_fraction=0.0)
    except DataError:
        return
    for row in split.train.to_pylist():
        holders = [
            name
            for one, other, label, name in mix
            if label == "entailment" and {one, other} == {row["anchor"], row["positive"]}
        ]
        assert row["corpus"] == min(holders)


def test_a_held_out_pair_gives_no_corpus_its_triplet() -> None:
    """The pair stands in two corpora, turned round: as held out it is of the one, as trained on of the other."""
    ahead: list[Pair] = [(f"s{i}", f"e{i}", "entailment") for i in range(40)]
    ahead += [(f"s{i}", f"c{i}", "contradiction") for i in range(40)]
    turned: list[Pair] = [(other, one, label) for one, other, label in ahead]
    pairs = pa.concat_tables([table(ahead, corpus="first"), table(turned, corpus="second")])
    split = build(pairs, target="es", seed=3, dev_fraction=0.3)
    assert {row["corpus"] for row in split.train.to_pylist()} == {"first", "second"}


@pytest.mark.parametrize(
    ("seed", "fraction", "train", "dev"),
    [
        (20220401, 0.1, "466cf2852daeaced", "8ed8828128d562bf"),
        (7, 0.0, "0a2d02c94d2c0db0", "4f53cda18c2baa0c"),
    ],
)
def test_the_corpus_changes_no_triplet_of_a_seed(root: Path, seed: int, fraction: float, train: str, dev: str) -> None:
    """Digests from before triplets had a corpus: a change here makes every published figure another run's."""
    split = build(samples(root), target="es", seed=seed, dev_fraction=fraction)
    for part, expected in ((split.train, train), (split.dev, dev)):
        assert hashlib.sha256(json.dumps(rows(part)).encode()).hexdigest().startswith(expected)


@FUZZ
@given(st.lists(st.integers(0, 2), max_size=60), weights_of_three, st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_each_row_comes_as_often_as_the_whole_part_of_its_weight_or_once_more(
    corpus: list[int], weights: list[float], seed: int, epoch: int
) -> None:
    chosen = drawn(np.array(corpus, np.int16), weights, seed, epoch)
    assert chosen.tolist() == sorted(chosen.tolist())
    times = Counter(chosen.tolist())
    assert set(times) <= set(range(len(corpus)))
    for row, place in enumerate(corpus):
        whole, rest = divmod(weights[place], 1)
        assert times[row] in ({whole} if rest == 0 else {whole, whole + 1})


@pytest.mark.parametrize("epoch", [0, 7])
def test_with_all_weights_one_an_epoch_is_each_row_once_in_order(epoch: int) -> None:
    assert drawn(np.tile([0, 1, 2], 40), [1.0, 1.0, 1.0], 5, epoch).tolist() == list(range(120))


def test_a_corpus_comes_by_its_weight_on_average_and_a_row_of_it_as_often_as_any_other() -> None:
    corpus = np.repeat([0, 1, 2], [100, 100, 100])
    epochs = [drawn(corpus, [0.25, 1.6, 0.0], 11, epoch) for epoch in range(400)]
    counts = np.sum([np.bincount(one, minlength=300) for one in epochs], axis=0)
    # of 400 epochs: 100 and 640 expected of a row; 5 standard deviations are 43 and 49
    assert (abs(counts[:100] - 100) < 43).all() and (abs(counts[100:200] - 640) < 49).all()
    # 10,000 and 64,000 of a corpus; 5 standard deviations are 433 and 490
    assert abs(counts[:100].sum() - 10_000) < 433 and abs(counts[100:200].sum() - 64_000) < 490
    assert not counts[200:].any()
    assert len({one.tobytes() for one in epochs}) == 400


def test_an_epoch_is_a_function_of_the_seed_and_its_number_and_a_corpus_of_its_own_weight() -> None:
    corpus = np.repeat([0, 1], 200)
    first = drawn(corpus, [0.5, 1.5], 3, 2)
    assert np.array_equal(first, drawn(corpus, [0.5, 1.5], 3, 2))
    assert not np.array_equal(first, drawn(corpus, [0.5, 1.5], 4, 2))
    other = drawn(corpus, [0.5, 0.0], 3, 2)
    assert np.array_equal(first[first < 200], other)
