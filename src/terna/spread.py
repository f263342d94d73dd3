"""How figures spread over runs that differ in their seed alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

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
        blocks.append("Experiments: " + ", ".join(f"seed {run.seed} `{run.experiment}`" for run in runs) + ".")
    blocks += [f"Seed {seed} failed: {reason}" for seed, reason in failed.items()]
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
