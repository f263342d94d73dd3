"""A comparison of systems: its difference and interval against a loop, and false alarms as often as its level says."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr, ttest_1samp

from terna.errors import DataError
from terna.metrics.correlations import Correlation, williams
from terna.metrics.significance import against, holm, mean_against

KINDS = {"pearson": pearsonr, "spearman": spearmanr}


def systems(
    rng: np.random.Generator, pairs: int, better: float = 0.0, repeats: int = 0
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Two systems that share half of their noise, the first with a part more of the gold; the first pairs repeated."""
    gold, shared, one, two = rng.normal(size=(4, pairs))
    scores = {"first": (1 + better) * gold + shared + one, "second": gold + shared + two}
    again = np.concatenate([np.arange(pairs), np.tile(np.arange(pairs // 10), repeats)])
    return {name: values[again] for name, values in scores.items()}, gold[again], again


@pytest.mark.parametrize("kind", KINDS)
def test_difference_interval_and_p_are_those_of_a_loop_over_the_same_resamples(kind: str) -> None:
    rng = np.random.default_rng(2)
    scores, gold, clusters = systems(rng, 60, 0.3, repeats=2)
    (found,) = against("first", scores, Correlation(gold, clusters), kind, seed=7, resamples=300)
    assert found.system == "second"
    measure = KINDS[kind]

    def difference(rows: np.ndarray) -> float:
        one, two = (measure(values[rows], gold[rows]).statistic for values in scores.values())
        return float(one - two)

    drawn = np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60), size=300)
    looped = np.array([difference(np.repeat(np.arange(len(gold)), counts[clusters])) for counts in drawn])
    assert found.difference == pytest.approx(difference(np.arange(len(gold))), abs=1e-12)
    assert [found.low, found.high] == pytest.approx(np.quantile(looped, [0.025, 0.975]).tolist(), abs=1e-12)
    assert found.p == pytest.approx(2 * (min((looped <= 0).sum(), (looped >= 0).sum()) + 1) / 301)


@pytest.mark.slow
def test_a_false_alarm_is_as_frequent_as_the_level_says() -> None:
    """500 comparisons of equally good systems on pairs with planted repeats; 5 % within three standard errors."""
    rng = np.random.default_rng(4)
    alarms, naive = np.zeros(2), 0
    for _ in range(500):
        scores, gold, clusters = systems(rng, 300, repeats=5)
        (found,) = against("second", scores, Correlation(gold, clusters), "pearson", seed=1, resamples=400)
        (rows,) = against("second", scores, Correlation(gold, np.arange(len(gold))), "pearson", seed=1, resamples=400)
        assert found.p is not None and found.williams is not None and rows.p is not None
        alarms += [found.p < 0.05, found.williams < 0.05]
        naive += rows.p < 0.05
    assert 0.021 <= alarms[0] / 500 <= 0.079
    assert naive > 1.5 * alarms[0], "rows that repeat a pair feign certainty"


def test_williams_raises_false_alarms_at_its_level_where_no_pair_repeats() -> None:
    rng = np.random.default_rng(5)
    chances = []
    for _ in range(2000):
        scores, gold, _ = systems(rng, 40)
        chances.append(williams(*scores.values(), gold, 40))
    assert 0.035 <= np.mean(np.array(chances) < 0.05) <= 0.065
    # under no difference a p-value is uniform
    assert ttest_1samp(chances, 0.5).pvalue > 0.001


def test_a_real_difference_is_found_by_both() -> None:
    scores, gold, clusters = systems(np.random.default_rng(6), 400, 0.6)
    (found,) = against("first", scores, Correlation(gold, clusters), "spearman", seed=1, resamples=2000)
    assert found.low is not None and found.low > 0
    assert found.p is not None and found.p < 0.01
    assert found.williams is not None and found.williams < 0.01


def test_the_order_of_two_systems_turns_the_sign_alone() -> None:
    scores, gold, clusters = systems(np.random.default_rng(8), 80, 0.2)
    (one,), (other,) = (
        against(name, scores, Correlation(gold, clusters), "pearson", seed=1, resamples=500) for name in scores
    )
    assert one.difference == pytest.approx(-(other.difference or 0))
    assert (one.p, one.williams) == pytest.approx((other.p, other.williams))


def test_holm_is_the_textbooks() -> None:
    """Holm (1979): the smallest p times m, the next times m - 1, ..., never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02, float("nan"), 0.03])[::2] == pytest.approx([0.04, 0.04])
    assert holm([]) == []


def test_a_system_against_itself_differs_by_nothing() -> None:
    scores, gold, clusters = systems(np.random.default_rng(9), 50)
    (found,) = against(
        "second", {**scores, "first": scores["second"]}, Correlation(gold, clusters), "pearson", seed=1, resamples=99
    )
    assert (found.difference, found.low, found.high, found.p, found.williams) == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_constant_scores_have_no_comparison_and_leave_the_others_alone() -> None:
    scores, gold, clusters = systems(np.random.default_rng(10), 50)
    plain = against("second", scores, Correlation(gold, clusters), "pearson", seed=1, resamples=99)
    found = against(
        "second", {**scores, "flat": np.ones(50)}, Correlation(gold, clusters), "pearson", seed=1, resamples=99
    )
    assert found[0] == plain[0]
    assert (found[1].difference, found[1].low, found[1].p, found[1].holm, found[1].williams) == (None,) * 5


def test_an_unknown_reference_is_refused() -> None:
    scores, gold, clusters = systems(np.random.default_rng(10), 50)
    with pytest.raises(DataError, match="no scores of third"):
        against("third", scores, Correlation(gold, clusters), "pearson", seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_runs_is_that_of_a_loop_over_the_same_resamples(kind: str) -> None:
    rng = np.random.default_rng(8)
    scores, gold, clusters = systems(rng, 50, 0.3, repeats=2)
    scores["third"] = scores["first"] + 0.2 * rng.normal(size=len(gold))
    found = mean_against(["first", "third"], scores, Correlation(gold, clusters), kind, seed=7, resamples=300)

    def mean(rows: np.ndarray) -> float:
        return float(np.mean([KINDS[kind](scores[run][rows], gold[rows]).statistic for run in ("first", "third")]))

    def gap(rows: np.ndarray) -> float:
        return mean(rows) - float(KINDS[kind](scores["second"][rows], gold[rows]).statistic)

    drawn = np.random.default_rng(7).multinomial(50, np.full(50, 1 / 50), size=300)
    rows = [np.repeat(np.arange(len(gold)), counts[clusters]) for counts in drawn]
    every = np.arange(len(gold))
    bounds = np.quantile([mean(each) for each in rows], [0.025, 0.975])
    assert [found.value, found.low, found.high] == pytest.approx([mean(every), *bounds], abs=1e-12)
    (other,) = found.comparisons
    gaps = np.quantile([gap(each) for each in rows], [0.025, 0.975])
    assert (other.system, other.williams) == ("second", None)
    assert [other.difference, other.low, other.high] == pytest.approx([gap(every), *gaps], abs=1e-12)
