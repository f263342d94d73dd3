"""Known positives: from every labelled entailment of the training pairs, and found in a batch without a look at all."""

from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from triplets_oracle import Pair, known_positives, pairs_of, rows, samples, table

from terna.data.triplets import Split, build
from terna.errors import DataError
from terna.records import LABELS, POSITIVES
from terna.training.false_negatives import known

FUZZ = settings(derandomize=True, deadline=None, max_examples=200)
names = st.sampled_from(["a", "A", " a", "b", "B ", "c", "d", "e", "f", "g"])
graphs = st.lists(st.tuples(names, names, st.sampled_from(LABELS)), max_size=40)


def draw(pairs: pa.Table, dev_fraction: float = 0.0) -> Split:
    return build(pairs, target="es", seed=1, dev_fraction=dev_fraction)


def listed(split: Split) -> list[tuple[str, str]]:
    return [(row["sentence"], row["positive"]) for row in split.positives.to_pylist()]


def texts(split: Split) -> set[str]:
    return {text for row in rows(split.train) for text in row}


@FUZZ
@given(graphs)
def test_they_are_the_entailments_between_sentences_of_the_triplets_both_ways_and_sorted(pairs: list[Pair]) -> None:
    try:
        split = draw(table(pairs))
    except DataError:
        return
    assert split.positives.schema == POSITIVES
    assert listed(split) == known_positives(pairs, texts(split))
    assert split.counts["known_positives"] == len(split.positives)


def test_a_pair_that_is_held_out_makes_no_known_positive() -> None:
    """Each premise is another's contradiction, and shares an entailment with its neighbour: some pair is on no side."""
    number = 50
    pairs = [(f"p{i}", f"{label} {i}", label) for i, label in product(range(number), LABELS)]
    pairs += [(f"p{i}", f"entailment {(i + 1) % number}", "entailment") for i in range(number)]
    pairs += [(f"p{i}", f"p{(i + 2) % number}", "contradiction") for i in range(number)]
    split = draw(table(pairs), dev_fraction=0.25)
    trained = {anchor for anchor, _, _ in rows(split.train)[::2]}
    kept = [pair for pair in pairs if pair[0] in trained]
    assert listed(split) == known_positives(kept, texts(split))
    assert set(known_positives(pairs, texts(split))) > set(listed(split))


def test_every_anchors_own_positive_is_among_them_in_the_samples(root: Path) -> None:
    pairs = samples(root)
    split = draw(pairs, dev_fraction=0.1)
    found = set(listed(split))
    assert all((anchor, positive) in found for anchor, positive, _ in rows(split.train))
    assert found <= set(known_positives(pairs_of(pairs), texts(split)))


keys = st.integers(0, 30)


@FUZZ
@given(
    st.lists(keys, max_size=12),
    st.lists(keys, min_size=1, max_size=20, unique=True),
    st.sets(st.tuples(keys, keys), max_size=120),
    st.sampled_from([np.int32, np.int64]),
)
def test_the_lookup_is_a_look_at_every_anchor_and_candidate(
    anchors: list[int], candidates: list[int], positives: set[tuple[int, int]], kind: type
) -> None:
    pairs = np.array(sorted(positives), kind).reshape(-1, 2)
    found = known(np.array(anchors, np.int64), np.array(candidates, np.int64), pairs)
    assert found.dtype == bool
    assert found.shape == (len(anchors), len(candidates))
    assert found.tolist() == [[(one, other) in positives for other in candidates] for one in anchors]
