"""Systems of one or several runs each, ranked on one benchmark, and which of them it cannot separate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from terna.arrays import Floats
from terna.metrics.bootstrap import bounds
from terna.metrics.power import smallest_within
from terna.metrics.significance import paired
from terna.metrics.task import Task


@dataclass(frozen=True)
class Standing:
    """A system's place: its figure in each run, their mean, and how much the best system's mean is above it.

    low, high: the 95 % bootstrap interval of that difference. None where a figure is undefined.
    """

    system: str
    runs: list[float | None]
    mean: float | None
    behind: float | None
    low: float | None
    high: float | None

    @property
    def tied(self) -> bool:
        """The interval holds zero, as that of the best itself does."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


def ranking(
    systems: Mapping[str, Sequence[Floats]],
    task: Task,
    kind: str,
    *,
    seed: int,
    resamples: int = 10_000,
) -> list[Standing]:
    """The systems by the mean of their runs' figures, the highest first, of equals the one that is named first.

    systems: name → the outcome of each of its runs; kind: one of the task's. All runs are scored on the same resamples,
    and means and differences are taken within each: the intervals are about the units that happened to be drawn, not
    about the seeds. They are not corrected for the number of systems. Raises DataError as task.figures does. Source: as
    significance.against.
    """
    names = {system: [f"{system}, run {number}" for number in range(len(runs))] for system, runs in systems.items()}
    outcomes = {name: run for system, runs in systems.items() for name, run in zip(names[system], runs, strict=True)}
    observed, resampled = paired(task.checked(outcomes), task, kind, seed=seed, resamples=resamples)
    means = {system: float(np.mean([observed[name] for name in own])) for system, own in names.items()}
    spread = {system: np.mean([resampled[name] for name in own], axis=0) for system, own in names.items()}
    order = ordered(means)
    best = order[0]
    return [
        Standing(
            system,
            [_defined(observed[name]) for name in names[system]],
            _defined(means[system]),
            _defined(means[best] - means[system]),
            *bounds(spread[best] - spread[system]),
        )
        for system in order
    ]


def ordered(figures: Mapping[str, float]) -> list[str]:
    """The systems by their figures, the highest first, of equals the one that is named first; undefined ones last."""
    return sorted(figures, key=lambda system: (np.isnan(figures[system]), -figures[system]))


def resolution(standings: Sequence[Standing]) -> float | None:
    """The smallest difference from the best that the benchmark can show with 80 % power: the median over the systems.

    Intervals of no width, of systems that score every pair alike, are left out; None where there is no other.
    """
    bounded = [(one.low, one.high) for one in standings if one.low is not None and one.high is not None]
    smallest = [smallest_within(low, high) for low, high in bounded if high > low]
    return median(smallest) if smallest else None


def tied(standings: Sequence[Standing]) -> list[str]:
    """What is not distinguishable from the best, which is the first."""
    return [one.system for one in standings[1:] if one.tied]


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
