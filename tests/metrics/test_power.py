"""Power and sizes against scipy's normal test, draws and closed forms; the standard error against the delta method."""

import math

import numpy as np
import pytest
from scipy.stats import norm, power, rankdata

from terna.metrics.correlations import Correlation
from terna.metrics.power import POWER, STEPS, Design, fisher, smallest_within, standard_error
from terna.metrics.significance import against, paired


@pytest.mark.parametrize("difference", [0.0, 0.01, 0.04, -0.04, 0.1])
def test_power_is_that_of_a_z_test_in_scipy(difference: float) -> None:
    rng = np.random.default_rng(1)

    def z_test(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        return 2 * norm.sf(abs(drawn.mean(axis=axis)) / 0.02)

    found = power(
        z_test, lambda size: rng.normal(difference, 0.02, size=size), 1, significance=0.05, n_resamples=50_000
    )
    assert Design(0.02, 500).power(difference) == pytest.approx(float(found.power), abs=0.007)


@pytest.mark.parametrize("runs", [1, 3])
def test_with_seeds_power_and_false_alarms_are_those_of_draws_of_both_sources(runs: int) -> None:
    rng, design = np.random.default_rng(1), Design(0.01, 500, 0.015, runs)
    for difference in (0.0, 0.02, 0.05):
        slips = 0.015 * rng.normal(size=(200_000, runs)).mean(axis=1)
        observed = difference + 0.01 * rng.normal(size=200_000) + slips
        counting = np.mean(abs(observed) > norm.isf(0.025) * math.hypot(0.01, 0.015 / math.sqrt(runs)))
        without = np.mean(abs(observed) > norm.isf(0.025) * 0.01)
        assert design.power(difference) == pytest.approx(counting, abs=0.004)
        assert design.detected(difference) == pytest.approx(without, abs=0.004)
    assert design.power(0) == pytest.approx(0.05)
    assert design.detected(0) > 0.1


def test_the_smallest_difference_has_the_power_and_the_sizes_needed_are_the_first_that_have_it() -> None:
    design = Design(0.02, 500, 0.01, 2)
    assert design.power(design.smallest()) == pytest.approx(POWER, abs=1e-6)

    def with_clusters(count: int) -> float:
        return Design(0.02 * math.sqrt(500 / count), count, 0.01, 2).smallest()

    def with_runs(count: int) -> float:
        return Design(0.02, 500, 0.01, count).smallest()

    wanted = 0.0591
    clusters, runs = int(design.clusters_needed(wanted)), int(design.runs_needed(wanted))
    assert with_clusters(clusters) <= wanted < with_clusters(clusters - 1)
    assert with_runs(runs) <= wanted < with_runs(runs - 1)
    assert (runs, clusters) == (3, 507)


def test_what_no_number_can_show_is_infinite_and_without_seeds_one_run_is_enough() -> None:
    assert Design(0.001, 500, 0.02, 1).clusters_needed(0.02) == math.inf
    assert Design(0.02, 500, 0.01, 1).runs_needed(0.03) == math.inf
    assert Design(0.001, 500).runs_needed(0.02) == 1


def correlations(rng: np.random.Generator, quality: float, experiments: int) -> np.ndarray:
    """Pearson's of two systems that share an error with the same gold of 200 pairs, (2, experiments)."""
    gold, shared, one, two = rng.normal(size=(4, experiments, 200))
    scores = np.stack([quality * gold + 0.7 * shared + 0.5 * one, gold + 0.7 * shared + 0.5 * two])
    gold, scores = (values - values.mean(axis=-1, keepdims=True) for values in (gold, scores))
    found: np.ndarray = (scores * gold).sum(-1) / np.sqrt((scores**2).sum(-1) * (gold**2).sum(-1))
    return found


def test_a_small_difference_of_correlations_predicts_how_often_a_large_one_is_found() -> None:
    rng = np.random.default_rng(4)
    near, far = correlations(rng, 1.02, 4_000), correlations(rng, 1.25, 4_000)
    high, low = far.mean(axis=1)
    assert high - low > 0.05
    plan = Design(float((fisher(near[0]) - fisher(near[1])).std()), 200, rival=float(low))
    observed = fisher(far[0]) - fisher(far[1])
    hits = np.mean(abs(observed) > norm.isf(0.025) * observed.std())
    assert plan.power(high - low) == pytest.approx(hits, abs=0.02)
    assert 0.3 < plan.power(high - low) < 0.99
    # the standard error of the scores is smaller where the systems are better, though here not quite by so much
    for pair, gap in ((near, 0.0), (far, high - low)):
        assert plan.error_at(gap) == pytest.approx((pair[0] - pair[1]).std(), rel=0.08)
    assert plan.error_at(high - low) < 0.95 * plan.error_at(0)


def test_sizes_of_correlations_have_the_power_and_no_difference_is_beyond_a_correlation_of_1() -> None:
    design = Design(0.05, 500, 0.01, 2, rival=0.7)
    smallest = design.smallest()
    assert design.power(smallest) == pytest.approx(POWER, abs=1e-6)
    assert design.clusters_needed(smallest - 1e-9) == pytest.approx(501, abs=1)
    assert design.error_at(0) == pytest.approx(design.error_at(1e-6), rel=1e-3)
    assert design.power(-0.05) < design.power(0.05), "a worse system varies more"
    assert Design(0.5, 30, rival=0.99).smallest() < 0.01
    assert Design(0.05, 500, 0.3, rival=0.7).smallest() == math.inf


def system_scores(rng: np.random.Generator, pairs: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Two systems that share an error, gold, and clusters: the first tenth of the pairs stand three times more."""
    gold, shared, one, two = rng.normal(size=(4, pairs))
    scores = {"first": np.exp(0.5 * (1.2 * gold + shared + one)), "second": gold + shared + two}
    again = np.concatenate([np.arange(pairs), np.tile(np.arange(pairs // 10), 3)])
    return {name: values[again] for name, values in scores.items()}, gold[again], again


def influence(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Of each row on Pearson's correlation."""
    one, two = ((values - values.mean()) / values.std() for values in (scores, gold))
    values: np.ndarray = one * two - np.mean(one * two) * (one**2 + two**2) / 2
    return values


def rank_influence(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Of each row on Spearman's correlation: on that of the ranks, and through the ranks of the others."""
    one, two = ((rank - rank.mean()) / len(rank) for rank in map(rankdata, (scores, gold)))
    spread = np.sqrt(np.mean(one**2) * np.mean(two**2))
    through = np.mean((scores[:, None] <= scores) * two, axis=1) + np.mean((gold[:, None] <= gold) * one, axis=1)
    values: np.ndarray = (one * two + through) / spread
    return values - values.mean()


@pytest.mark.parametrize(("kind", "influences"), [("pearson", influence), ("spearman", rank_influence)])
def test_the_standard_error_is_that_of_influences_added_up_in_each_cluster(kind: str, influences: object) -> None:
    scores, gold, clusters = system_scores(np.random.default_rng(2), 500)
    _, resampled = paired(scores, Correlation(gold, clusters), kind, seed=1, resamples=4000)
    assert callable(influences)
    own = influences(scores["first"], gold) - influences(scores["second"], gold)
    expected = np.sqrt(np.sum(np.bincount(clusters, own) ** 2)) / len(gold)
    naive = np.sqrt(np.sum(own**2)) / len(gold)
    assert standard_error(resampled["first"] - resampled["second"]) == pytest.approx(expected, rel=0.05)
    assert naive < 0.9 * expected


def test_resamples_in_which_a_figure_is_undefined_are_left_out_of_the_standard_error() -> None:
    values = np.array([0.1, np.nan, 0.3, 0.2])
    assert standard_error(values) == pytest.approx(np.std([0.1, 0.3, 0.2], ddof=1))
    assert math.isnan(standard_error(values[1:3]))


def test_the_interval_of_a_difference_says_about_the_same_as_its_standard_error() -> None:
    scores, gold, clusters = system_scores(np.random.default_rng(3), 300)
    task = Correlation(gold, clusters)
    (found,) = against("first", scores, task, "pearson", seed=1, resamples=4000)
    _, resampled = paired(scores, task, "pearson", seed=1, resamples=4000)
    assert found.low is not None and found.high is not None
    expected = STEPS * standard_error(resampled["first"] - resampled["second"])
    assert smallest_within(found.low, found.high) == pytest.approx(expected, rel=0.03)
