"""This model against other systems: what their scores on record say of the differences that can be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, isnan, nan, sqrt
from pathlib import Path

import numpy as np
import pyarrow as pa

from terna.errors import DataError
from terna.evaluation.planning.seeds import Seeds
from terna.evaluation.planning.tables import ours, read, rival, task_of
from terna.evaluation.seeds import RECORDED, others
from terna.evaluation.table import OURS
from terna.metrics.correlations import Correlation
from terna.metrics.power import Design, fisher, standard_error
from terna.metrics.task import Outcomes, Task, figures, resample
from terna.settings.benchmark import DECIDED, UNITS

# so many clusters at least: fewer give no sound standard error
FEWEST = 30
# their standard deviation, the bootstrap's standard error, is then off by 1 %
RESAMPLES = 5_000
# a standard error below this is rounding's: both systems score all units alike
ROUNDING = 1e-9
THE_OTHER = "the other model"


@dataclass(frozen=True)
class Plan:
    """This model against a system by one score: the difference on record, and what the benchmark can show.

    difference: None where the system's score is undefined; design: None there and where both score all units alike.
    error: the standard error of the difference on record, seeds among it if they are counted; NaN without a design.
    """

    system: str
    score: str
    difference: float | None
    error: float
    design: Design | None


@dataclass(frozen=True)
class _Difference:
    """On record, None where it is undefined; error: its standard error over the units, NaN if there is none.

    scaled, rival: `error` and `rival` of a Design.
    """

    difference: float | None
    error: float = nan
    scaled: float = nan
    rival: float | None = None


@dataclass(frozen=True)
class Planned:
    """The comparisons on a benchmark; unit: what it counts; units, clusters: how many, and how many distinct."""

    benchmark: str
    unit: str
    units: int
    clusters: int
    seeds: Seeds
    plans: list[Plan]


def plan(path: Path, measure: str, seeds: Seeds, against: Path | None = None, *, seed: int = 0) -> Planned:
    """This model against each other system on a benchmark, by the scores of a similarity.

    path: predictions/<benchmark>.parquet; against: the table of another trained model on the same units, to compare
    with in place of the systems in `path`. Seeds vary both models then, and else this one alone. seed: of the
    bootstrap. Raises DataError for tables that do not fit, fewer than FEWEST distinct units, no system to compare with,
    or an undefined score of this model.
    """
    units = read(path)
    task = task_of(units, path)
    metric = RECORDED[task].metric(units)
    clusters = len(np.unique(metric.clusters))
    if clusters < FEWEST:
        raise DataError(
            f"{path}: {clusters} distinct {UNITS[task]}, and a plan needs {FEWEST} at least: from fewer, the standard "
            "error is too uncertain; label more first"
        )
    rivals = {THE_OTHER: rival(against, units, task, measure)} if against else others(units, task, measure)
    if not rivals:
        raise DataError(f"{path}: no other system's scores; give another model's table of these pairs with --against")
    plans = []
    for (name, kind), found in _differences(units, rivals, measure, metric, path, seed).items():
        sd = seeds.sd(path.stem, f"{measure}_{kind}") * sqrt(2 if against else 1)
        design = None if isnan(found.error) else Design(found.scaled, clusters, sd, seeds.runs, found.rival)
        error = hypot(found.error, sd / sqrt(seeds.runs))
        plans.append(Plan(name, f"{measure}_{kind}", found.difference, error, design))
    return Planned(path.stem, UNITS[task], len(units), clusters, seeds, plans)


def _differences(
    units: pa.Table, rivals: Outcomes, measure: str, metric: Task, path: Path, seed: int
) -> dict[tuple[str, str], _Difference]:
    """By rival and kind of score the difference from it."""
    mine = ours(units, task_of(units, path), measure, path)
    try:
        columns = metric.checked({OURS: mine, **rivals})
    except (DataError, ValueError, TypeError) as error:  # numpy's, for a column of texts
        raise DataError(f"{path}: {error}") from error
    kinds = [kind for kind in metric.kinds if kind not in DECIDED]
    observed, resampled = figures(metric, columns), resample(metric, columns, seed, RESAMPLES)
    if undefined := [kind for kind in kinds if observed[f"{OURS}_{kind}"] is None]:
        raise DataError(
            f"{path}: {measure}_{undefined[0]} of this model is undefined: all its scores, or all gold scores, are "
            "equal; evaluate a model that tells pairs apart"
        )
    return {(name, kind): _difference(name, kind, observed, resampled) for kind in kinds for name in rivals}


def _difference(name: str, kind: str, observed: Mapping[str, float | None], resampled: Outcomes) -> _Difference:
    mine, theirs = observed[f"{OURS}_{kind}"], observed[f"{name}_{kind}"]
    if mine is None or theirs is None:
        return _Difference(None)
    one, two = (resampled[f"{system}_{kind}"] for system in (OURS, name))
    error = standard_error(one - two)
    if error <= ROUNDING:
        return _Difference(mine - theirs)
    if kind not in Correlation.kinds:
        return _Difference(mine - theirs, error, error)
    return _Difference(mine - theirs, error, standard_error(fisher(one) - fisher(two)), theirs)
