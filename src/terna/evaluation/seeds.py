"""Runs that differ in their seed alone: how their figures spread, and their mean against the other systems."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pyarrow as pa

from terna.arrays import Floats
from terna.data.evaluators import Binary, Similarity
from terna.evaluation.table import BASELINES, UNTOUCHED, compared, interval
from terna.markdown import code, escape, figure, table
from terna.metrics.classification import decided
from terna.metrics.ranking import Ranking
from terna.metrics.significance import Mean, mean_against
from terna.metrics.task import Task


@dataclass(frozen=True)
class Pooled:
    """How many runs there are, and their mean."""

    runs: int
    mean: Mean

    def markdown(self, benchmark: str, main_score: str) -> str:
        """The mean and its interval in a sentence, the comparisons in a table."""
        bounds = interval([self.mean.low, self.mean.high])
        told = f"mean of {self.runs} runs: {main_score} {figure(self.mean.value, 4)}, 95 % interval {bounds}"
        against = compared(main_score, [one.record() for one in self.mean.comparisons])
        return f"**{benchmark}**, {told}\n\n{table(*against)}\n"


@dataclass(frozen=True)
class Recorded:
    """How predictions/<benchmark>.parquet of a task is read back.

    metric: its task. outcome: what a name's columns make. ending: what follows a name in a column.
    """

    metric: Callable[[pa.Table], Task]
    outcome: Callable[[pa.Table, str], Floats]
    ending: str = ""


RECORDED = {
    "sts": Recorded(lambda table: Similarity("", table).metric, lambda table, name: table[name].to_numpy()),
    # the figure that runs are compared by needs no threshold
    "binary": Recorded(
        lambda table: Binary("", table).metric, lambda table, name: decided(table[name].to_numpy(), None)
    ),
    "ranking": Recorded(
        lambda table: Ranking.of(table["query"].to_pylist()),
        lambda table, name: np.column_stack([table[f"{name}_{kind}"].to_numpy() for kind in Ranking.kinds]),
        f"_{Ranking.kinds[0]}",
    ),
}


def pooled(runs: Sequence[pa.Table], task: str, score: str, seed: int) -> Pooled:
    """The mean of a benchmark's main score over runs, with its interval, and against each other system.

    runs: predictions/<benchmark>.parquet of each, unit by unit the same; task: the benchmark's; what the others score
    depends on no seed and is taken from the first.
    """
    measure, kind = score.split("_")
    first, ours = runs[0], [f"run {number}" for number in range(1, len(runs) + 1)]
    recorded = RECORDED[task]
    outcomes = {name: recorded.outcome(one, measure) for name, one in zip(ours, runs, strict=True)}
    outcomes |= others(first, task, measure)
    return Pooled(len(runs), mean_against(ours, outcomes, recorded.metric(first), kind, seed=seed))


def others(table: pa.Table, task: str, measure: str) -> dict[str, Floats]:
    """The outcomes under a measure, and those of the baselines, of all systems but this model.

    table: predictions/<benchmark>.parquet of a task. By the systems' names in the tables of results.
    """
    recorded, named = RECORDED[task], {f"untouched_{measure}": UNTOUCHED, **BASELINES}
    names = [name.removesuffix(recorded.ending) for name in table.column_names if name.endswith(recorded.ending)]
    found = [name for name in names if name in named or name.endswith(f"_{measure}")]
    return {named.get(name, name.removesuffix(f"_{measure}")): recorded.outcome(table, name) for name in found}


Figures = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class Run:
    """A run: its seed, DVC's name of the experiment, and its figures by benchmark, as in metrics/scores.json."""

    seed: int
    experiment: str
    figures: Figures


def spread(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, Any]]]:
    """Benchmark → figure → mean, sd, min, max and the value of each run, in the order of the runs.

    sd: the sample's standard deviation, with n - 1; None for one run. All but the values are None where a run's figure
    is undefined: a mean over the rest would be that of other runs.
    """
    return {
        benchmark: {name: _summary([run.figures[benchmark][name] for run in runs]) for name in figures}
        for benchmark, figures in (runs[0].figures.items() if runs else ())
    }


def markdown(runs: Sequence[Run], failed: Mapping[int, str]) -> str:
    """A table for each benchmark, a row a figure, then the experiments and, of the seeds that failed, why."""
    blocks = ["\n".join(_table(benchmark, figures, runs)) for benchmark, figures in spread(runs).items()]
    if runs:
        blocks.append("Experiments: " + ", ".join(f"seed {run.seed} {code(run.experiment)}" for run in runs) + ".")
    blocks += [f"Seed {seed} failed: {escape(reason)}" for seed, reason in failed.items()]
    return "\n\n".join(blocks) + "\n"


def _table(benchmark: str, figures: Mapping[str, Mapping[str, Any]], runs: Sequence[Run]) -> Iterator[str]:
    seeds = " | ".join(f"seed {run.seed}" for run in runs)
    yield f"**{benchmark}** ({len(runs)} {'run' if len(runs) == 1 else 'runs'})"
    yield ""
    yield f"| | mean | standard deviation | min to max | {seeds} |"
    yield f"|---|{'---:|' * (3 + len(runs))}"
    for name, found in figures.items():
        mean, sd, low, high = (_figure(found[key]) for key in ("mean", "sd", "min", "max"))
        yield f"| {name} | {mean} | {sd} | {low} to {high} | {' | '.join(map(_figure, found['runs']))} |"


def _summary(values: Sequence[float | None]) -> dict[str, Any]:
    defined = [value for value in values if value is not None]
    if len(defined) < len(values):
        return {"mean": None, "sd": None, "min": None, "max": None, "runs": list(values)}
    sd = stdev(defined) if len(defined) > 1 else None
    return {"mean": fmean(defined), "sd": sd, "min": min(defined), "max": max(defined), "runs": defined}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
