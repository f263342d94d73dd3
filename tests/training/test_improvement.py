"""Whether training improved on the start: a paired bootstrap over the development pairs, said in words."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import bootstrap, pearsonr

from terna.data.evaluators import Similarity
from terna.records import OUTCOMES, SCORED, read_table, write_table
from terna.running.search import outcome_of
from terna.training.improvement import Improvement, improvement, outcomes
from terna.training.selection import Selection

PAIRS = 300


def benchmark(gold: np.ndarray) -> Similarity:
    numbers = [str(number) for number in range(len(gold))]
    columns = [["x"] * len(gold), range(len(gold)), [f"a {n}" for n in numbers], [f"b {n}" for n in numbers], gold]
    return Similarity("x", pa.table([pa.array(column) for column in columns], schema=SCORED))


def compared(kept: np.ndarray, start: np.ndarray, gold: np.ndarray) -> Improvement:
    selection = SimpleNamespace(kept=kept, start=start, main="cosine_pearson", start_score=0.5, best_step=3)
    return improvement(cast(Selection, selection), benchmark(gold), seed=1)


@pytest.fixture
def drawn() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    gold = rng.uniform(0, 5, PAIRS)
    return gold, gold + rng.normal(0, 1, PAIRS), gold + rng.normal(0, 3, PAIRS)


def test_the_interval_is_that_of_scipys_paired_bootstrap(drawn: tuple[np.ndarray, ...]) -> None:
    gold, kept, start = drawn
    found = compared(kept, start, gold)
    gap = lambda one, two, aim: pearsonr(one, aim)[0] - pearsonr(two, aim)[0]  # noqa: E731
    oracle = bootstrap(
        (kept, start, gold), gap, paired=True, vectorized=False, n_resamples=2000, method="percentile", rng=2
    ).confidence_interval
    assert found.difference == pytest.approx(gap(kept, start, gold), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=0.02)
    assert found.shown
    assert found.sentence() == (
        f"+{found.difference:.4f} over the start (95 % interval +{found.low:.4f} to +{found.high:.4f})"
    )


def test_a_worse_or_equal_or_uncertain_result_is_no_improvement(drawn: tuple[np.ndarray, ...]) -> None:
    gold, good, bad = drawn
    rng = np.random.default_rng(3)
    for kept, start in [(bad, good), (good, good), (good + rng.normal(0, 0.1, PAIRS), good)]:
        found = compared(kept, start, gold)
        assert not found.shown
        assert found.record()["better_than_start"] is False
        assert found.sentence().endswith(": not shown to be better")


def test_what_is_undefined_is_said(drawn: tuple[np.ndarray, ...]) -> None:
    gold, good, _ = drawn
    found = compared(good, np.zeros(PAIRS), gold)
    assert (found.difference, found.low, found.shown) == (None, None, False)
    assert "not comparable" in found.sentence()


def test_the_start_itself_is_called_so() -> None:
    assert Improvement(0, 0.5, 0.0, 0.0, 0.0).sentence() == "the start's own weights: no step scored better"


@pytest.mark.parametrize("shape", [(7,), (7, 3)])
def test_what_finals_compare_is_read_as_training_had_it(tmp_path: Path, shape: tuple[int, ...]) -> None:
    start, kept = np.random.default_rng(1).uniform(size=(2, *shape))
    start[0] = np.nan
    write_table(outcomes(cast(Selection, SimpleNamespace(start=start, kept=kept))), tmp_path / "o.parquet", OUTCOMES)
    found = read_table(tmp_path / "o.parquet", OUTCOMES)
    for name, values in (("start", start), ("kept", kept)):
        np.testing.assert_array_equal(outcome_of(found, name), values)
