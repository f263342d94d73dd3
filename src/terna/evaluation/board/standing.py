"""The systems of a benchmark, and of the mean over benchmarks, in figures: intervals, ranks, groups of ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from terna.arrays import Floats
from terna.data.evaluators import Evaluator, Outcomes
from terna.evaluation.baselines import baselines
from terna.evaluation.measure import concluded
from terna.evaluation.table import BASELINES
from terna.metrics.bootstrap import bounds
from terna.metrics.task import figures, resample
from terna.metrics.ties import AllPairs, Place, all_pairs, averaged
from terna.settings.board import MEAN, Board

Figures = Mapping[str, float | None]
Bounds = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Entry:
    """A system on a benchmark: its figures, the intervals of those under the main similarity, and where it stands."""

    system: str
    figures: Figures
    intervals: Bounds
    place: Place | None


@dataclass(frozen=True)
class Standing:
    """The systems of a benchmark, the best first.

    score: which figure they are ranked by. units: how many pairs or queries; of the mean, how many benchmarks.
    observed, resampled: this figure of each system, over all units and in each resample.
    """

    benchmark: str
    score: str
    units: int
    entries: list[Entry]
    compared: AllPairs
    observed: Mapping[str, float] = field(default_factory=dict)
    resampled: Mapping[str, Floats] = field(default_factory=dict)


def lexical(benchmarks: Mapping[str, Evaluator]) -> dict[str, Outcomes]:
    """The one outcome of each lexical baseline on each benchmark, by its name in tables."""
    found = concluded({name: baselines(one) for name, one in benchmarks.items()}, benchmarks)
    return {benchmark: {BASELINES[key]: values for key, values in own.items()} for benchmark, own in found.items()}


def standing(evaluator: Evaluator, systems: Mapping[str, Outcomes], baselines: Outcomes, board: Board) -> Standing:
    """The systems and the lexical baselines on a benchmark.

    systems: by name the outcomes under each similarity; baselines: by name the one outcome. All are scored on the same
    resamples, those of the evaluate stage with the same seed.
    """
    score = board.evaluate.score_of(evaluator.name)
    measure, kind = score.split("_")
    task = evaluator.metric
    every: dict[str, Outcomes] = {name: {measure: outcome} for name, outcome in baselines.items()}
    every |= systems
    columns = task.checked({name: found[measure] for name, found in every.items()})
    resampled = resample(task, columns, board.seed, board.resamples)
    once = figures(task, columns)
    observed = {name: _number(once[f"{name}_{kind}"]) for name in columns}
    own = {name: resampled[f"{name}_{kind}"] for name in columns}
    compared = all_pairs(observed, own, board.level)
    spans = {
        name: {f"{measure}_{one}": bounds(resampled[f"{name}_{one}"], _tails(board.level)) for one in task.kinds}
        for name in columns
    }
    entries = _entries(compared, {name: figures(task, found) for name, found in every.items()}, spans)
    return Standing(evaluator.name, score, len(task.clusters), entries, compared, observed, own)


def mean(standings: Sequence[Standing], board: Board) -> Standing:
    """The mean over benchmarks of the systems that all of them have, each benchmark resampled for itself."""
    observed, resampled = averaged([(one.observed, one.resampled) for one in standings], seed=board.seed)
    compared = all_pairs(observed, resampled, board.level)
    values = {name: {MEAN: None if np.isnan(value) else value} for name, value in observed.items()}
    spans = {name: {MEAN: bounds(found, _tails(board.level))} for name, found in resampled.items()}
    return Standing(MEAN, MEAN, len(standings), _entries(compared, values, spans), compared, observed, resampled)


def _entries(compared: AllPairs, values: Mapping[str, Figures], spans: Mapping[str, Bounds]) -> list[Entry]:
    places: list[tuple[str, Place | None]] = [(place.system, place) for place in compared.places()]
    places += [(name, None) for name in compared.undefined]
    return [Entry(name, values[name], spans[name], place) for name, place in places]


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
