"""Whether one system is better than another on the same pairs or queries: the difference, its interval, p-values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from terna.arrays import Floats
from terna.errors import DataError
from terna.metrics.bootstrap import bounds
from terna.metrics.task import Outcomes, Task, resample


@dataclass(frozen=True)
class Comparison:
    """The reference's figure less that of `system`.

    low, high: the 95 % bootstrap interval of the difference. p: two-sided, by the same bootstrap; holm: p corrected for
    all comparisons of the table. williams: two-sided, by Williams' test, of correlations alone. All but `system` are
    None where a figure is undefined.
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
    outcomes: Outcomes,
    task: Task,
    kind: str,
    *,
    seed: int,
    resamples: int = 10_000,
) -> list[Comparison]:
    """`reference` against each other system, in the order of `outcomes`; positive differences speak for the reference.

    outcomes: system → its outcome; kind: one of the task's. All systems are scored on the same resamples of clusters,
    each figured again, and a difference is taken within each resample. Raises DataError as task.figures does, and for a
    reference that is not among the outcomes.

    Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16; Holm, A Simple Sequentially
    Rejective Multiple Test Procedure, 1979.
    """
    return mean_against([reference], outcomes, task, kind, seed=seed, resamples=resamples).comparisons


def mean_against(
    runs: Sequence[str],
    outcomes: Outcomes,
    task: Task,
    kind: str,
    *,
    seed: int,
    resamples: int = 10_000,
) -> Mean:
    """The mean figure of `runs` and its interval, and against each system of `outcomes` that is no run: see `against`.

    The mean is taken within each resample, so the interval tells of the units that happened to be drawn, not of the
    seeds. The task's parametric test is of one run alone: None for several.
    """
    if missing := [run for run in runs if run not in outcomes]:
        raise DataError(f"no scores of {missing[0]}, which the others are to be compared with")
    columns = task.checked(outcomes)
    observed, resampled = paired(columns, task, kind, seed=seed, resamples=resamples)
    others = [name for name in columns if name not in runs]
    value, spread = _mean(runs, observed), _mean(runs, resampled)
    gaps = [spread - resampled[name] for name in others]
    gaps = [gap[~np.isnan(gap)] for gap in gaps]
    chances = [_chance(gap) for gap in gaps]
    parametric = [_parametric(runs, name, columns, task, kind) for name in others]
    found = zip(others, gaps, chances, holm(chances), parametric, strict=True)
    compared = [
        Comparison(name, *_defined(value - observed[name]), *bounds(gap), *_defined(p, corrected, other))
        for name, gap, p, corrected, other in found
    ]
    [mean], (low, high) = _defined(value), bounds(spread)
    return Mean(mean, low, high, compared)


def paired(
    outcomes: Outcomes, task: Task, kind: str, *, seed: int, resamples: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The figure of each outcome over all units, and on the same resamples of clusters, (resamples,); NaN: undefined.

    outcomes: as `task.checked` gives them.
    """
    resampled = resample(task, outcomes, seed, resamples)
    once = task.weighted(outcomes, np.ones((len(task.clusters), 1)))
    observed = {name: float(once[f"{name}_{kind}"][0]) for name in outcomes}
    return observed, {name: resampled[f"{name}_{kind}"] for name in outcomes}


def _mean(runs: Sequence[str], found: Mapping[str, Any]) -> Any:
    return sum(found[run] for run in runs) / len(runs)


def _defined(*values: float) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _parametric(runs: Sequence[str], other: str, columns: Outcomes, task: Task, kind: str) -> float:
    return float("nan") if len(runs) > 1 else task.parametric(columns[runs[0]], columns[other], kind)


def holm(chances: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false alarm among them is held; NaN is passed over."""
    order = [place for place in np.argsort(chances) if not np.isnan(chances[place])]
    corrected, least = [float("nan")] * len(chances), 0.0
    for turn, place in enumerate(order):
        least = max(least, min(1.0, (len(order) - turn) * chances[place]))
        corrected[place] = least
    return corrected


def _chance(differences: Floats) -> float:
    """The two-sided p of no difference, from its resamples: how often they lie beyond 0 on the rarer side."""
    if not len(differences):
        return float("nan")
    rarer = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return float(min(1.0, 2 * (rarer + 1) / (len(differences) + 1)))
