"""Triplets follow the published rule, are the same for any order, and no held-out sentence is trained on."""

import os
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from composed import compose_once
from hypothesis import given, settings
from hypothesis import strategies as st
from triplets_oracle import Pair, fold, folds, is_a_draw, pairs_of, possible, rows, table

from terna.data.corpora import read_nli
from terna.data.triplets import Split, build, count_triplets
from terna.errors import DataError
from terna.records import LABELS, PAIRS, TRIPLETS, sha256_of, write_table

FUZZ = settings(derandomize=True, deadline=None, max_examples=200)
# few sentences, some of them equal but for how they are written, so that every graph has hubs, loops and double edges
names = st.sampled_from(["a", "A", " a", "b", "B ", "ñ", "n\u0303", "c c", "c  c", "d", "e", "f", "g", "h", "i"])
graphs = st.lists(st.tuples(names, names, st.sampled_from(LABELS)), max_size=40)

# an anchor with three entailments (one of them as a hypothesis) and two contradictions
STAR: list[Pair] = [("s", "e1", "entailment"), ("s", "e2", "entailment"), ("e3", "s", "entailment")]
STAR += [("s", "c1", "contradiction"), ("c2", "s", "contradiction"), ("s", "n", "neutral")]


def draw(pairs: pa.Table, *, seed: int = 1, dev_fraction: float = 0.0) -> Split:
    return build(pairs, target="es", seed=seed, dev_fraction=dev_fraction)


def groups(number: int, hub: str = "") -> list[Pair]:
    """Premises with a hypothesis a label each; with a hub, it is the neutral one of all."""
    return [
        (f"p{i}", hub if hub and label == "neutral" else f"{label} {i}", label)
        for i, label in product(range(number), LABELS)
    ]


@pytest.fixture(scope="module")
def real(root: Path, mirror: Path) -> dict[str, pa.Table]:
    declared = compose_once(root, ["experiment=minilm_es"]).corpora
    found = {name: read_nli(name, corpus, mirror)[0] for name, corpus in declared.items()}
    return {**found, "both": pa.concat_tables(found.values())}


@FUZZ
@given(graphs, st.integers(0, 2**32 - 1))
def test_each_sentence_with_an_entailment_and_a_contradiction_gives_two_rows_of_its_possible_ones(
    pairs: list[Pair], seed: int
) -> None:
    assert count_triplets(table(pairs)) == 2 * len(possible(pairs))
    if not possible(pairs):
        with pytest.raises(DataError, match="no triplet: no sentence that is trained on"):
            draw(table(pairs), seed=seed)
        return
    split = draw(table(pairs), seed=seed)
    assert is_a_draw(rows(split.train), pairs)
    assert split.train.schema == split.dev.schema == TRIPLETS
    assert len(split.dev) == 0
    assert all(len({fold(text) for text in row}) == 3 for row in rows(split.train))


def test_pairs_that_would_repeat_a_text_are_left_out_and_counted_only_where_there_are_any() -> None:
    assert "pairs_of_one_text" not in draw(table(STAR)).counts
    # the same sentence composed and decomposed, and a pair labelled both ways, in either direction and spelling
    alone = [("mañana", "man\u0303ana", "entailment"), ("S", "s", "contradiction"), ("s", "s ", "neutral")]
    both = [("x", "y", "entailment"), ("Y", "x", "contradiction"), ("x", "y", "neutral"), ("s", "x", "contradiction")]
    split = draw(table([*STAR, *alone, *both]))
    assert split.counts["pairs_of_one_text"] == 2
    assert split.counts["pairs_labelled_both_ways"] == 2
    assert count_triplets(table([*STAR, *alone, *both])) == 2 == len(split.train)


def test_a_sentence_and_its_decomposed_form_are_on_one_side_of_the_split() -> None:
    variants = [(premise.replace("p", form), *rest) for premise, *rest in groups(20) for form in ("ñ", "n\u0303")]
    split = draw(table(variants), dev_fraction=0.25)
    assert len(split.dev) == 20
    assert not folds(split.train) & folds(split.dev)


@pytest.mark.parametrize(("name", "triplets"), [("esxnli", 1660), ("xnli", 5000), ("both", 6660)])
def test_the_real_corpora_give_the_published_number_of_triplets_by_the_rule(
    real: dict[str, pa.Table], name: str, triplets: int
) -> None:
    split = draw(real[name])
    assert len(split.train) == split.counts["triplets_train"] == split.counts["triplets_before_split"] == triplets
    assert is_a_draw(rows(split.train), pairs_of(real[name]))


def test_every_possible_triplet_is_drawn_about_as_often_as_any_other() -> None:
    drawn = Counter(row for seed in range(600) for row in rows(draw(table(STAR), seed=seed).train))
    assert set(drawn) == set.union(*possible(STAR)["s"])
    # 100 expected of each; 5 standard deviations are 46
    assert all(54 < times < 146 for times in drawn.values())


def test_a_pair_that_is_written_more_than_once_is_not_drawn_more_often() -> None:
    often = [*STAR, *[("e1", "s", "entailment")] * 50]
    for seed in range(20):
        assert draw(table(often), seed=seed).train.equals(draw(table(STAR), seed=seed).train)


def test_the_bytes_are_the_same_for_any_order_of_rows_and_any_hash_seed(tmp_path: Path) -> None:
    write_table(table(groups(60, hub="hub")), tmp_path / "pairs.parquet", PAIRS)
    code = """
import sys
from pathlib import Path
import numpy as np
from terna.records import PAIRS, TRIPLETS, read_table, write_table
from terna.data.triplets import build
folder, order = Path(sys.argv[1]), int(sys.argv[2])
pairs = read_table(folder / "pairs.parquet", PAIRS)
pairs = pairs.take(np.random.default_rng(order).permutation(len(pairs)))
split = build(pairs, target="es", seed=3, dev_fraction=0.25)
write_table(split.train, folder / f"train-{order}", TRIPLETS)
write_table(split.dev, folder / f"dev-{order}", TRIPLETS)
"""
    for order in range(3):
        command = [sys.executable, "-c", code, str(tmp_path), str(order)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": str(order)})
    for part in ("train", "dev"):
        assert len({sha256_of(tmp_path / f"{part}-{order}") for order in range(3)}) == 1


def test_another_seed_draws_and_splits_otherwise(real: dict[str, pa.Table]) -> None:
    one, two = (draw(real["xnli"], seed=seed, dev_fraction=0.1) for seed in (1, 2))
    assert not one.train.equals(two.train)
    assert folds(one.dev) != folds(two.dev)


@FUZZ
@given(graphs, st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_no_sentence_is_on_both_sides_of_the_split_however_the_pairs_hang_together(
    pairs: list[Pair], seed: int, fraction: float
) -> None:
    try:
        split = draw(table(pairs), seed=seed, dev_fraction=fraction)
    except DataError:
        return
    assert not folds(split.train) & folds(split.dev)
    choices = set().union(*(triplets for both in possible(pairs).values() for triplets in both))
    assert {*rows(split.train), *rows(split.dev)} <= choices
    assert split.counts["triplets_train"] == len(split.train)
    assert split.counts["triplets_dev"] == len(split.dev)
    assert len(split.train) + len(split.dev) <= split.counts["triplets_before_split"] == 2 * len(possible(pairs))


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.33, 0.95])
def test_the_fraction_is_one_of_premises_each_with_all_its_pairs(fraction: float) -> None:
    split = draw(table(groups(50)), dev_fraction=fraction)
    held = round(fraction * 50)
    assert split.counts == {
        "pairs": 150,
        "sentences": 200,
        "triplets_before_split": 100,
        "triplets_train": 2 * (50 - held),
        "triplets_dev": 2 * held,
        "known_positives": 2 * (50 - held),
        "pairs_held_out": 3 * held,
        "pairs_held_out_dropped_as_shared": 0,
    }
    premises = {anchor for anchor, _, _ in rows(split.dev)[::2]}
    assert is_a_draw(rows(split.dev), [pair for pair in groups(50) if pair[0] in premises])


def test_premises_that_are_equal_but_for_case_and_blanks_are_held_out_together() -> None:
    variants = [
        (f"{blank}{premise}", hypothesis, label) for premise, hypothesis, label in groups(20) for blank in ("", " ")
    ]
    shouted = [(premise.upper(), hypothesis.upper(), label) for premise, hypothesis, label in variants]
    split = draw(table([*variants, *shouted]), dev_fraction=0.25)
    assert split.counts["pairs_held_out"] == 5 * 3 * 4
    assert split.counts["pairs_held_out_dropped_as_shared"] == 0
    assert not folds(split.train) & folds(split.dev)


def test_a_hub_that_is_trained_on_is_dropped_from_what_is_held_out_and_counted() -> None:
    split = draw(table(groups(40, hub="hub")), dev_fraction=0.25)
    assert split.counts["pairs_held_out"] == 30
    assert split.counts["pairs_held_out_dropped_as_shared"] == 10
    assert len(split.dev) == 20
    everywhere = [(premise, f"hub {label}", label) for premise, _, label in groups(40)]
    assert len(draw(table(everywhere), dev_fraction=0.25).dev) == 0


@pytest.mark.parametrize("name", ["esxnli", "both"])
def test_the_real_split_shares_no_sentence(real: dict[str, pa.Table], name: str) -> None:
    split = draw(real[name], seed=20220401, dev_fraction=0.1)
    assert not folds(split.train) & folds(split.dev)
    assert 0.07 < len(split.dev) / split.counts["triplets_before_split"] < 0.11


def test_rows_that_were_not_translated_are_refused_by_corpus_and_language() -> None:
    pairs = pa.concat_tables([table(STAR), table(STAR[:2], "en", "snli"), table(STAR[:1], "en", "multinli")])
    with pytest.raises(DataError, match=r"^3 pairs of multinli, snli are not in 'es' but in 'en': .*translate="):
        draw(pairs)


@pytest.mark.parametrize("pairs", [[], STAR[:3], STAR[3:]])
def test_pairs_that_give_no_triplet_are_refused(pairs: list[Pair]) -> None:
    with pytest.raises(DataError, match="no triplet"):
        draw(table(pairs))
