"""The bootstrap against a loop over resamples with scipy, and against the coverage that an interval promises."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from terna.errors import DataError
from terna.metrics import bootstrap, task
from terna.metrics.correlations import Correlation, figures


def intervals(scores: dict, gold: np.ndarray, cluster: np.ndarray, **more: float) -> dict:
    return task.intervals(Correlation(gold, cluster), scores, **more)  # type: ignore[arg-type]


def by_hand(scores: dict[str, np.ndarray], gold: np.ndarray, cluster: np.ndarray, seed: int, resamples: int) -> dict:
    """Each figure in each resample where it is defined, one resample after another."""
    number = cluster.max() + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=resamples)
    found: dict[str, list[float]] = {f"{name}_{kind}": [] for name in scores for kind in ("pearson", "spearman")}
    for counts in drawn:
        rows = np.repeat(np.arange(len(gold)), counts[cluster])
        for name, values in scores.items():
            if np.ptp(values[rows]) and np.ptp(gold[rows]):
                found[f"{name}_pearson"].append(float(stats.pearsonr(values[rows], gold[rows]).statistic))
                found[f"{name}_spearman"].append(float(stats.spearmanr(values[rows], gold[rows]).statistic))
    return found


def sample(seed: int, pairs: int, decimals: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 11, pairs) / 2
    near, far = gold + rng.normal(size=pairs), rng.normal(size=pairs) - gold / 9
    return {"near": near.round(decimals), "far": far.round(decimals)}, gold


@pytest.mark.parametrize("decimals", [0, 12], ids=["ties", "no ties"])
@pytest.mark.parametrize("level", [0.0, 0.5, 0.95, 1.0])
def test_intervals_are_those_of_a_loop_over_resamples(decimals: int, level: float) -> None:
    scores, gold = sample(1, 25, decimals)
    cluster = np.array([0, 1, 0, 2, 3, 4, 4, 4, *range(5, 22)])
    found = intervals(scores, gold, cluster, seed=5, resamples=150, level=level)
    bounds = [50 * (1 - level), 50 * (1 + level)]
    for name, values in by_hand(scores, gold, cluster, 5, 150).items():
        assert found[name] == pytest.approx(np.percentile(values, bounds).tolist(), abs=1e-12), name


def test_resamples_without_a_figure_are_left_out() -> None:
    # many means of 0.1 are not 0.1 in floating point, so a column can be constant and yet seem to vary
    scores, gold = {"few": np.array([*[0.1] * 6, 0.7])}, np.array([1.1, 2.2, 3.3, 4.4, 5.7, 2.2, 3.1])
    by_loop = by_hand(scores, gold, np.arange(7), 0, 200)
    assert 20 < len(by_loop["few_pearson"]) < 180
    found = intervals(scores, gold, np.arange(7), seed=0, resamples=200, level=0.6)
    for name, values in by_loop.items():
        assert found[name] == pytest.approx(np.percentile(values, [20, 80]).tolist(), abs=1e-12)


def test_what_is_constant_has_no_bounds_and_the_rest_is_as_without_it() -> None:
    scores, gold = sample(2, 30, 3)
    found = intervals({"flat": np.full(30, 0.3), **scores}, gold, np.arange(30), seed=1, resamples=50)
    assert found.pop("flat_pearson") == found.pop("flat_spearman") == [None, None]
    assert found == intervals(scores, gold, np.arange(30), seed=1, resamples=50)


def test_the_same_seed_gives_the_same_bounds_and_another_gives_others() -> None:
    scores, gold = sample(3, 60, 2)
    first, again, other = (intervals(scores, gold, np.arange(60), seed=seed, resamples=99) for seed in (1, 1, 2))
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_only_equality_of_cluster_numbers_matters() -> None:
    scores, gold = sample(4, 40, 2)
    cluster = np.arange(40) // 3
    plain = intervals(scores, gold, cluster, seed=1, resamples=50)
    assert intervals(scores, gold, cluster * 7 - 100, seed=1, resamples=50) == plain


@pytest.mark.parametrize("cells", [1, 7 * 60, 10**9])
def test_the_size_of_the_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    scores, gold = sample(5, 60, 2)
    plain = intervals(scores, gold, np.arange(60) // 2, seed=1, resamples=100)
    monkeypatch.setattr(bootstrap, "CELLS", cells)
    for name, bounds in intervals(scores, gold, np.arange(60) // 2, seed=1, resamples=100).items():
        assert bounds == pytest.approx(plain[name], abs=1e-12)


@pytest.mark.parametrize(("pairs", "resamples"), [(751, 2_000), (20_000, 60)])
def test_memory_stays_small(pairs: int, resamples: int) -> None:
    scores, gold = sample(6, pairs, 3)
    tracemalloc.start()
    intervals(scores, gold, np.arange(pairs), seed=1, resamples=resamples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60 * 2**20


def test_the_figure_itself_is_in_its_interval() -> None:
    scores, gold = sample(7, 300, 3)
    bounds = intervals(scores, gold, np.arange(300), seed=1, resamples=500)
    for name, figure in figures(scores, gold).items():
        assert bounds[name][0] < figure < bounds[name][1]


def test_a_perfect_correlation_stays_within_one() -> None:
    gold = np.random.default_rng(8).normal(size=50)
    found = intervals({"same": 3 * gold + 1}, gold, np.arange(50), seed=1, resamples=200)
    for low, high in found.values():
        assert 1 - 1e-12 < low <= high <= 1


def coverage(most: int, *, clustered: bool) -> dict[str, float]:
    """How often 80 % intervals of 120 samples hold the true figure, when a pair stands there up to `most` times."""
    truth = {"x_pearson": 0.6, "x_spearman": 6 / math.pi * math.asin(0.3)}
    rng, held = np.random.default_rng(9), dict.fromkeys(truth, 0)
    for seed in range(120):
        gold = rng.normal(size=80)
        x = 0.6 * gold + 0.8 * rng.normal(size=80)
        rows = np.repeat(np.arange(80), rng.integers(1, most + 1, 80))
        cluster = rows if clustered else np.arange(len(rows))
        found = intervals({"x": x[rows]}, gold[rows], cluster, seed=seed, resamples=200, level=0.8)
        for name, value in truth.items():
            held[name] += found[name][0] <= value <= found[name][1]
    return {name: count / 120 for name, count in held.items()}


@pytest.mark.parametrize("most", [1, 5], ids=["each pair once", "repeated pairs"])
def test_intervals_hold_the_truth_as_often_as_they_say(most: int) -> None:
    for name, share in coverage(most, clustered=True).items():
        # three standard deviations of a share of 120
        assert share == pytest.approx(0.8, abs=0.11), name


def test_without_clusters_repeated_pairs_feign_certainty() -> None:
    assert max(coverage(5, clustered=False).values()) < 0.69


def test_clusters_of_another_length_are_refused() -> None:
    scores, gold = sample(10, 5, 2)
    with pytest.raises(DataError, match="4 cluster numbers for 5 gold"):
        intervals(scores, gold, np.arange(4), seed=0)
