"""All pairs compared, against loops; letters, against the cliques of a graph; the family-wise error, by simulation."""

from itertools import combinations
from typing import Any

import networkx
import numpy as np
import pytest
from scipy.stats import binom, spearmanr
from ties import SCENARIOS, family_wise

from terna.metrics.correlations import Correlation
from terna.metrics.significance import paired
from terna.metrics.ties import all_pairs, averaged, letters

LEVEL = 0.9
STRENGTHS = {"good": 0.9, "good too": 0.88, "fair": 0.6, "bad": 0.1}


@pytest.fixture
def found() -> tuple[dict[str, float], dict[str, Any]]:
    """Systems of unlike strength, on resamples of their pairs."""
    rng = np.random.default_rng(5)
    gold = rng.normal(size=120)
    scores = {name: gold * strength + (1 - strength) * rng.normal(size=120) for name, strength in STRENGTHS.items()}
    task = Correlation(gold, np.arange(120))
    return paired(task.checked(scores), task, "spearman", seed=3, resamples=400)


def test_differences_intervals_and_p_are_those_of_loops(found: tuple[dict[str, float], dict[str, Any]]) -> None:
    observed, resampled = found
    compared = all_pairs(observed, resampled, LEVEL)
    assert compared.systems == sorted(observed, key=lambda name: -observed[name])
    every = list(combinations(compared.systems, 2))
    errors = {
        pair: [one - other - (observed[pair[0]] - observed[pair[1]]) for one, other in zip(*drawn, strict=True)]
        for pair in every
        for drawn in [(resampled[pair[0]], resampled[pair[1]])]
    }
    scale = {pair: np.std(values, ddof=1) for pair, values in errors.items()}
    largest = [max(abs(errors[pair][row]) / scale[pair] for pair in every) for row in range(400)]
    critical = np.quantile(largest, LEVEL)
    told = {(one.first, one.second): one for one in compared.pairs()}
    assert list(told) == every
    for pair in every:
        gap = observed[pair[0]] - observed[pair[1]]
        one = told[pair]
        assert one.difference == pytest.approx(gap, abs=1e-12)
        assert [one.low, one.high] == pytest.approx([gap - critical * scale[pair], gap + critical * scale[pair]])
        beyond = sum(value >= abs(gap) / scale[pair] for value in largest)
        assert one.p == pytest.approx((beyond + 1) / 401)
        assert (one.p < 1 - LEVEL) == (one.low > 0)


def test_a_rank_is_between_the_systems_that_are_better_and_those_that_are_worse(
    found: tuple[dict[str, float], dict[str, Any]],
) -> None:
    compared = all_pairs(*found)
    places = compared.places()
    assert [place.rank for place in places] == [1, 2, 3, 4]
    assert [(place.best, place.worst) for place in places] == [(1, 2), (1, 2), (3, 3), (4, 4)]
    assert [place.letters for place in places] == ["a", "a", "b", "c"]


def test_what_no_resample_can_tell_apart_shares_its_place_and_what_is_undefined_has_none() -> None:
    rng = np.random.default_rng(1)
    one, bad = rng.normal(0.8, 0.01, 300), rng.normal(0.1, 0.01, 300)
    bad[7] = np.nan  # a resample in which it is constant
    observed = {"copy": 0.8, "nothing": float("nan"), "one": 0.8, "bad": 0.1}
    compared = all_pairs(observed, {"copy": one, "nothing": np.full(300, np.nan), "one": one, "bad": bad})
    assert compared.systems == ["copy", "one", "bad"]
    assert compared.undefined == ["nothing"]
    assert [place.letters for place in compared.places()] == ["a", "a", "b"]
    assert compared.p[0, 1] == 1
    alone = all_pairs({"one": 0.8}, {"one": one})
    assert [(place.best, place.worst, place.letters) for place in alone.places()] == [(1, 1, "a")]
    assert not list(alone.pairs())


def test_without_a_resample_nothing_differs() -> None:
    nothing = np.full(10, np.nan)
    compared = all_pairs({"one": 0.8, "other": 0.1}, {"one": nothing, "other": nothing})
    assert not compared.differ.any()
    assert [place.letters for place in compared.places()] == ["a", "a"]


@pytest.mark.parametrize("seed", range(40))
def test_two_share_a_letter_if_and_only_if_they_do_not_differ_and_each_letter_is_a_maximal_clique(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 11))
    upper = np.triu(rng.random((size, size)) < rng.uniform(0.1, 0.9), 1)
    differ = upper | upper.T
    shown = letters(differ)
    for one, other in combinations(range(size), 2):
        assert bool(set(shown[one]) & set(shown[other])) != differ[one, other]
    graph = networkx.from_numpy_array(~differ & ~np.eye(size, dtype=bool))
    cliques = {frozenset(clique) for clique in networkx.find_cliques(graph)}
    groups = {letter: frozenset(i for i, own in enumerate(shown) if letter in own) for letter in set("".join(shown))}
    assert set(groups.values()) <= cliques
    assert all(shown), "each has a letter"
    # without any one letter, something would be lost
    for letter in groups:
        rest = [own.replace(letter, "") for own in shown]
        pairs = combinations(range(size), 2)
        assert not all(rest) or any(
            not differ[one, other] and not set(rest[one]) & set(rest[other]) for one, other in pairs
        )
    assert sorted(groups) == [chr(ord("a") + place) for place in range(len(groups))]
    assert [min(groups[letter]) for letter in sorted(groups)] == sorted(min(group) for group in groups.values())


def test_ties_that_overlap_have_overlapping_letters() -> None:
    """Of four in a row each is like its neighbour: ab shares with a and b."""
    gap = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    assert letters(gap > 1) == ["a", "ab", "bc", "c"]


def test_the_mean_is_resampled_in_each_benchmark_for_itself() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=2000)
    systems = {"one": 0.5 + 0.1 * drawn, "other": 0.4 + 0.1 * drawn}
    benchmark = ({"one": 0.5, "other": 0.4, "elsewhere": 0.1}, {**systems, "elsewhere": drawn})
    observed, resampled = averaged([benchmark, ({"one": 0.7, "other": 0.4}, systems)], seed=1)
    assert observed == pytest.approx({"one": 0.6, "other": 0.4})
    orders = [np.random.default_rng(1)] * 2
    first, second = (order.permutation(2000) for order in orders)
    np.testing.assert_allclose(resampled["one"], (systems["one"][first] + systems["one"][second]) / 2)
    # independent, though both benchmarks have the same draws: the variance of the mean is half of one's
    assert np.var(resampled["one"]) == pytest.approx(np.var(systems["one"]) / 2, rel=0.1)
    # and systems are still compared on the same resamples
    assert np.ptp(resampled["one"] - resampled["other"]) == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["8 systems, all equal", "12 systems, three groups of equals"])
def test_the_family_wise_error_is_at_its_level(name: str) -> None:
    """benchmarks/ties.py has 500 simulations of each scenario; of so few, what is improbable at the level of 0.05."""
    simulations = 40
    wrong, power = family_wise(SCENARIOS[name], simulations, 300)
    assert wrong <= binom.ppf(0.999, simulations, 0.05)
    assert np.isnan(power) or power > 0.4


def test_the_figures_of_a_simulation_are_as_strong_as_it_says() -> None:
    from ties import Scenario, simulated

    scores, task = simulated(Scenario(20_000, (0.5, 0.9), "spearman"), 0)
    measured = [spearmanr(scores[name], task.gold).statistic for name in ("0", "1")]
    expected = [6 / np.pi * np.arcsin(strength / 2) for strength in (0.5, 0.9)]
    assert measured == pytest.approx(expected, abs=0.02)
