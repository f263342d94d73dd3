"""Whether one system is better than another on the same pairs: the difference, its interval, and two p-values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from terna.arrays import Floats, Ints
from terna.errors import DataError
from terna.metrics.bootstrap import bounds, draws, weighted
from terna.metrics.correlations import checked


@dataclass(frozen=True)
class Comparison:
    """The reference's figure less that of `system`.

    low, high: the 95 % bootstrap interval of the difference. p: two-sided, by the same bootstrap; holm: p corrected for
    all comparisons of the table. williams: two-sided, by Williams' test. All but `system` are None where a figure is
    undefined.
    """

    system: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    holm: float | None
    williams: float | None

    def record(self) -> dict[str, Any]:
        """As metrics/sts.json holds it."""
        return {
            "system": self.system,
            "difference": self.difference,
            "ci95": [self.low, self.high],
            "p": self.p,
            "p_holm": self.holm,
            "p_williams": self.williams,
        }


@dataclass(frozen=True)
class Mean:
    """The mean figure of several runs of one system, and the runs against each other system.

    value and its 95 % bootstrap interval, low to high; comparisons: the mean less the figure of each other system.
    None where a figure is undefined.
    """

    value: float | None
    low: float | None
    high: float | None
    comparisons: list[Comparison]


def against(
    reference: str,
    scores: Mapping[str, Floats],
    gold: Floats,
    clusters: Ints,
    kind: str,
    *,
    seed: int,
    resamples: int = 10_000,
) -> list[Comparison]:
    """`reference` against each other system, in the order of `scores`; positive differences speak for the reference.

    scores: system → (n,), one similarity a system; gold: (n,); clusters: (n,), rows that are drawn together; kind:
    `pearson` or `spearman`. All systems are scored on the same resamples of clusters, each ranked anew, and a
    difference is taken within each resample. Williams' test takes clusters, not rows, for the number of pairs. Raises
    DataError as correlations.figures does, and for a reference that is not among the scores.

    Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16; Williams, The Comparison
    of Regression Variables, 1959, in the form of Steiger, Tests for Comparing Elements of a Correlation Matrix, 1980,
    equation 7; Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    return mean_against([reference], scores, gold, clusters, kind, seed=seed, resamples=resamples).comparisons


def mean_against(
    runs: Sequence[str],
    scores: Mapping[str, Floats],
    gold: Floats,
    clusters: Ints,
    kind: str,
    *,
    seed: int,
    resamples: int = 10_000,
) -> Mean:
    """The mean figure of `runs` and its interval, and against each system of `scores` that is no run: see `against`.

    The mean is taken within each resample, so the interval tells of the pairs that happened to be drawn, not of the
    seeds. Williams' test is of one run alone: None for several.
    """
    if missing := [run for run in runs if run not in scores]:
        raise DataError(f"no scores of {missing[0]}, which the others are to be compared with")
    columns, target = checked(scores, gold)
    observed, resampled = paired(columns, target, clusters, kind, seed=seed, resamples=resamples)
    others = [name for name in columns if name not in runs]
    value, spread = _mean(runs, observed), _mean(runs, resampled)
    gaps = [spread - resampled[name] for name in others]
    gaps = [gap[~np.isnan(gap)] for gap in gaps]
    chances = [_chance(gap) for gap in gaps]
    by_williams = [_williams(runs, name, columns, target, clusters, kind) for name in others]
    found = zip(others, gaps, chances, holm(chances), by_williams, strict=True)
    compared = [
        Comparison(name, *_defined(value - observed[name]), *bounds(gap), *_defined(p, corrected, other))
        for name, gap, p, corrected, other in found
    ]
    [mean], (low, high) = _defined(value), bounds(spread)
    return Mean(mean, low, high, compared)


def paired(
    scores: Mapping[str, Floats], gold: Floats, clusters: Ints, kind: str, *, seed: int, resamples: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The figure of each of `scores` on all pairs, and on the same resamples of clusters, (resamples,); NaN: undefined.

    scores and gold as correlations.checked gives them.
    """
    rng = np.random.default_rng(seed)
    chunks = [weighted(scores, gold, counts) for counts in draws(clusters, rng, resamples)]
    resampled = {name: np.concatenate([chunk[f"{name}_{kind}"] for chunk in chunks]) for name in scores}
    once = weighted(scores, gold, np.ones((len(gold), 1)))
    return {name: float(once[f"{name}_{kind}"][0]) for name in scores}, resampled


def _mean(runs: Sequence[str], found: Mapping[str, Any]) -> Any:
    return sum(found[run] for run in runs) / len(runs)


def _defined(*values: float) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _williams(
    runs: Sequence[str], other: str, columns: Mapping[str, Floats], gold: Floats, clusters: Ints, kind: str
) -> float:
    if len(runs) > 1:
        return float("nan")
    values = columns[runs[0]], columns[other], gold
    first, second, aim = values if kind == "pearson" else (rankdata(each) for each in values)
    return williams(first, second, aim, len(np.unique(clusters)))


def holm(chances: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false alarm among them is held; NaN is passed over."""
    order = [place for place in np.argsort(chances) if not np.isnan(chances[place])]
    corrected, least = [float("nan")] * len(chances), 0.0
    for turn, place in enumerate(order):
        least = max(least, min(1.0, (len(order) - turn) * chances[place]))
        corrected[place] = least
    return corrected


def williams(first: Floats, second: Floats, gold: Floats, pairs: int) -> float:
    """The two-sided p of the correlations of two systems with the same gold being equal; NaN where one is undefined.

    first, second, gold: (n,). pairs: how many of the n are independent.
    """
    if min(np.ptp(first), np.ptp(second), np.ptp(gold)) == 0 or pairs < 4:
        return float("nan")
    one, two, between = np.corrcoef([first, second, gold])[[0, 1, 0], [2, 2, 1]]
    if between >= 1 - 1e-12:  # one is the other
        return 1.0
    determinant = 1 - one**2 - two**2 - between**2 + 2 * one * two * between
    spread = 2 * (pairs - 1) / (pairs - 3) * determinant + ((one + two) / 2) ** 2 * (1 - between) ** 3
    statistic = (one - two) * np.sqrt((pairs - 1) * (1 + between) / spread)
    return float(2 * student.sf(abs(statistic), pairs - 3))


def _chance(differences: Floats) -> float:
    """The two-sided p of no difference, from its resamples: how often they lie beyond 0 on the rarer side."""
    if not len(differences):
        return float("nan")
    rarer = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return float(min(1.0, 2 * (rarer + 1) / (len(differences) + 1)))
