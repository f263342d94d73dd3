"""The ranking of systems of several runs: means and intervals against a loop, ties as the intervals say."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, pearsonr, spearmanr
from sklearn.metrics import average_precision_score

from terna.metrics.classification import Classification, decided
from terna.metrics.correlations import Correlation
from terna.metrics.ranking import Ranking
from terna.metrics.standings import Standing, ranking, resolution

KINDS = {"pearson": pearsonr, "spearman": spearmanr}


def runs(rng: np.random.Generator, gold: np.ndarray, noise: float, count: int) -> list[np.ndarray]:
    shared = gold + noise * rng.normal(size=len(gold))
    return [shared + 0.2 * rng.normal(size=len(gold)) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_means_and_intervals_are_those_of_a_loop_over_the_same_resamples(kind: str) -> None:
    rng = np.random.default_rng(2)
    alike = np.concatenate([np.arange(50), np.tile(np.arange(5), 3)])  # repeated pairs are drawn together
    gold = rng.normal(size=50)[alike]
    systems = {"worse": runs(rng, gold, 1.5, 2), "better": runs(rng, gold, 0.5, 3)}
    first, second = ranking(systems, Correlation(gold, alike), kind, seed=7, resamples=300)
    measure = KINDS[kind]

    def mean(system: str, rows: np.ndarray) -> float:
        return float(np.mean([measure(run[rows], gold[rows]).statistic for run in systems[system]]))

    every = np.arange(len(gold))
    assert [first.system, second.system] == ["better", "worse"]
    assert first.mean == pytest.approx(mean("better", every), abs=1e-12)
    assert second.mean == pytest.approx(mean("worse", every), abs=1e-12)
    assert second.runs == pytest.approx([measure(run, gold).statistic for run in systems["worse"]], abs=1e-12)
    assert second.behind == pytest.approx(mean("better", every) - mean("worse", every), abs=1e-12)
    drawn = np.random.default_rng(7).multinomial(50, np.full(50, 1 / 50), size=300)
    rows = [np.repeat(every, counts[alike]) for counts in drawn]
    looped = [mean("better", each) - mean("worse", each) for each in rows]
    assert [second.low, second.high] == pytest.approx(np.quantile(looped, [0.025, 0.975]).tolist(), abs=1e-12)


def test_what_the_pairs_cannot_separate_from_the_best_is_tied_and_what_they_can_is_not() -> None:
    rng = np.random.default_rng(3)
    gold = rng.normal(size=400)
    good = runs(rng, gold, 0.5, 2)
    close = runs(rng, gold, 0.5, 2)
    better = [run + 0.5 * gold for run in good]
    found = ranking({"good": good, "close": close}, Correlation(gold, np.arange(400)), "pearson", seed=1, resamples=500)
    assert [one.tied for one in found] == [True, True]
    found = ranking(
        {"good": good, "better": better}, Correlation(gold, np.arange(400)), "pearson", seed=1, resamples=500
    )
    assert [(one.system, one.tied) for one in found] == [("better", True), ("good", False)]


def test_of_equals_the_first_is_the_best_and_the_other_is_tied_with_it() -> None:
    rng = np.random.default_rng(4)
    gold = rng.normal(size=40)
    same = runs(rng, gold, 0.5, 2)
    for names in (("a", "b"), ("b", "a")):
        first, second = ranking(
            dict.fromkeys(names, same), Correlation(gold, np.arange(40)), "pearson", seed=1, resamples=50
        )
        assert (first.system, second.system) == names
        assert (second.behind, second.low, second.high, second.tied) == (0.0, 0.0, 0.0, True)


def test_an_undefined_system_comes_last_and_is_not_tied() -> None:
    gold = np.random.default_rng(5).normal(size=30)
    first, last = ranking(
        {"flat": [np.ones(30)], "own": [gold]}, Correlation(gold, np.arange(30)), "pearson", seed=1, resamples=50
    )
    assert (first.system, last.system) == ("own", "flat")
    assert (last.mean, last.behind, last.low, last.tied) == (None, None, None, False)


def test_what_the_benchmark_can_show_is_the_median_of_what_each_interval_says() -> None:
    widths = [0.0, 0.02, 0.04, 0.10]
    standings = [Standing(str(width), [0.5], 0.5, 0.1, 0.1, 0.1 + width) for width in widths]
    assert resolution(standings) == pytest.approx((norm.isf(0.025) + norm.isf(0.2)) * 0.02 / norm.isf(0.025))
    assert resolution(standings[:1]) is None
    assert resolution([Standing("flat", [None], None, None, None, None)]) is None


def test_labels_and_rankings_are_ranked_by_their_own_figures_on_the_same_resamples() -> None:
    rng = np.random.default_rng(6)
    every, labels = np.arange(60), rng.integers(0, 2, 60).astype(float)
    scores = {name: labels + noise * rng.normal(size=60) for name, noise in (("worse", 2.0), ("better", 1.0))}
    found = rng.uniform(size=(60, 4))
    searches = {"worse": found - 0.02, "better": found}
    asked: list[tuple[Any, ...]] = [
        (Classification(labels, every), "ap", {name: decided(one, None) for name, one in scores.items()}),
        (Ranking(every), "ndcg@10", searches),
    ]
    plain: list[Any] = [
        lambda name, rows: average_precision_score(labels[rows], scores[name][rows]),
        lambda name, rows: searches[name][rows, 0].mean(),
    ]
    drawn = np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60), size=200)
    for (task, kind, outcomes), measure in zip(asked, plain, strict=True):
        systems = {name: [one] for name, one in outcomes.items()}
        first, second = ranking(systems, task, kind, seed=7, resamples=200)
        assert [first.system, second.system] == ["better", "worse"]
        assert [first.mean, second.mean] == pytest.approx([measure("better", every), measure("worse", every)])
        gaps = [measure("better", rows) - measure("worse", rows) for rows in (np.repeat(every, one) for one in drawn)]
        assert [second.low, second.high] == pytest.approx(np.quantile(gaps, [0.025, 0.975]).tolist(), abs=1e-12)
