"""What every task has in common: figures of outcomes over all units, by file, and with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np

from terna.arrays import Bools, Floats, Ints
from terna.errors import DataError
from terna.metrics.bootstrap import bounds, draws

# by name: what a system makes of each unit, pair or query, (n,) or (n, numbers of a unit)
Outcomes = Mapping[str, Floats]


class Task(Protocol):
    """A benchmark's gold, and how figures follow from outcomes."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What its figures are called after the name of an outcome, as in `<name>_pearson`."""
        ...

    @property
    def clusters(self) -> Ints:
        """(n,): units with the same number are drawn together."""
        ...

    def checked(self, outcomes: Outcomes) -> dict[str, Floats]:
        """The outcomes in float64; DataError for another number of them than of units, or one that is not finite."""
        ...

    def weighted(self, outcomes: Outcomes, counts: Floats) -> dict[str, Floats]:
        """Each figure under each weighting, `<name>_<kind>` → (resamples,); NaN where it is undefined.

        counts: (n, resamples), how often a unit is in a resample.
        """
        ...

    def part(self, rows: Bools) -> Self:
        """The task on some of the units."""
        ...

    def parametric(self, first: Floats, second: Floats, kind: str) -> float:
        """The two-sided p of a test of two outcomes being equally good that draws nothing; NaN where there is none."""
        ...


def figures(task: Task, outcomes: Outcomes) -> dict[str, float | None]:
    """The figures of each outcome; None where one is undefined. Raises DataError as `task.checked` does."""
    columns = task.checked(outcomes)
    each_unit_once = np.ones((len(task.clusters), 1))
    found = task.weighted(columns, each_unit_once)
    return {name: None if np.isnan(value[0]) else float(value[0]) for name, value in found.items()}


def summary(task: Task, outcomes: Outcomes, files: Sequence[str]) -> dict[str, Any]:
    """The figures over all units, of each file, and their mean over the files, as metrics/sts.json holds them.

    files: the file of each unit; they are listed by first appearance. The mean weights a file by its number of units,
    as SemEval ranks systems, and is None where a file's figure is. Raises DataError as `figures` does, for each file.
    """
    if len(files) != len(task.clusters):
        raise DataError(f"{len(files)} files for {len(task.clusters)} gold scores: each pair needs one of each")
    overall = figures(task, outcomes)
    named = np.array(files)
    parts = {file: _part(task, outcomes, named == file, file) for file in dict.fromkeys(files)}
    mean = {name: _mean(name, list(parts.values())) for name in overall}
    return {"n": len(files), **overall, "by_file": parts, "weighted_mean": mean}


def intervals(
    task: Task, outcomes: Outcomes, *, seed: int, resamples: int = 10_000, level: float = 0.95
) -> dict[str, list[float | None]]:
    """The percentile bootstrap interval [low, high] of each figure, from resampling clusters with replacement.

    A drawn cluster brings all its units, so that a repeated pair does not count as several independent ones; each
    resample is figured again. Resamples where a figure is undefined are left out, and where it is undefined in all the
    bounds are None. Raises DataError as `figures` does.
    Method: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    resampled = resample(task, task.checked(outcomes), seed, resamples)
    return {name: bounds(found, ((1 - level) / 2, (1 + level) / 2)) for name, found in resampled.items()}


def resample(task: Task, columns: Outcomes, seed: int, resamples: int) -> dict[str, Floats]:
    """Each figure of checked outcomes in each resample of clusters, `<name>_<kind>` → (resamples,)."""
    rng = np.random.default_rng(seed)
    chunks = [task.weighted(columns, counts) for counts in draws(task.clusters, rng, resamples)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _part(task: Task, outcomes: Outcomes, rows: Bools, file: str) -> dict[str, Any]:
    try:
        found = figures(task.part(rows), {name: values[rows] for name, values in outcomes.items()})
    except DataError as error:
        raise DataError(f"file {file}: {error}") from error
    return {"n": int(rows.sum()), **found}


def _mean(name: str, parts: Sequence[Mapping[str, Any]]) -> float | None:
    if any(part[name] is None for part in parts):
        return None
    return float(np.average([part[name] for part in parts], weights=[part["n"] for part in parts]))
