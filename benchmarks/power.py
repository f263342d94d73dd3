"""How well `terna plan` predicts: power by its formula beside what the paired bootstrap finds on made-up benchmarks.

    python benchmarks/power.py [--experiments 2000] [--plans 200] [--resamples 500] [--sizes 100 250 751] […]

The truth is known: gold and two systems' scores are drawn from one population, in which the first is better by so much
(calibrated on 200,000 pairs). One distinct pair in twenty stands in the benchmark twice. The prediction is made
from other benchmarks than it is tested on, of one size and with a small difference. With seeds, the first system's
quality varies from run to run. How many experiments of a cell found the difference is added to
benchmarks/out/power_found.json cell by cell; what is there is not run again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import sqrt

import numpy as np
from scale import OUT
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import rankdata
from tqdm import tqdm

from terna.arrays import Floats
from terna.markdown import table
from terna.metrics.correlations import Correlation
from terna.metrics.power import Design, fisher, standard_error
from terna.metrics.significance import mean_against, paired
from terna.records import write_json

CELLS = OUT / "power_found.json"
KINDS = ("pearson", "spearman")
# the benchmarks that plans are made from: their distinct pairs, and the true difference on them
PAIRS, PLANNED_AT = 500, 0.02
# how far off a prediction may be
TOLERANCE = 0.05
# pairs that the truth is counted on; how often a distinct pair stands in a benchmark twice
POPULATION, REPEATED = 200_000, 0.05
# of a run's score over seeds, where there are any
SD = 0.015


@dataclass(frozen=True)
class Cell:
    """A kind of experiment; predicted: how often each plan says it finds the difference; realised: how often it did."""

    kind: str
    pairs: int
    difference: float
    runs: int
    predicted: Sequence[float]
    realised: float
    experiments: int

    @property
    def apart(self) -> float:
        """Realised less predicted, the mean over plans."""
        return self.realised - float(np.mean(self.predicted))

    @property
    def error(self) -> float:
        """The standard error of `apart`: from the number of experiments, and of plans."""
        variance = float(np.var(self.predicted)) / len(self.predicted)
        return sqrt(self.realised * (1 - self.realised) / self.experiments + variance)


def drawn(pairs: int, rng: np.random.Generator) -> Floats:
    """What a pair's gold score and two systems' scores are made of, (5, pairs)."""
    return rng.normal(size=(5, pairs))


def gold(parts: Floats) -> Floats:
    """From 0 to 4 in steps of a fifth, as the mean of five people's scores."""
    return np.clip(np.round(5 * (2.2 + 1.3 * parts[0] + 0.3 * parts[1])) / 5, 0, 4)


def system(parts: Floats, quality: float, own: int) -> Floats:
    """Scores like cosines: skewed, bounded, with an error that both systems share and one of its own."""
    return expit(1 + quality * parts[0] + 0.7 * parts[2] + 0.5 * parts[own])


def correlation(scores: Floats, people: Floats, kind: str) -> float:
    """Of a large sample."""
    values = (scores, people) if kind == "pearson" else (rankdata(scores), rankdata(people))
    return float(np.corrcoef(*values)[0, 1])


@cache
def quality(difference: float, kind: str) -> float:
    """With which quality the first system is better than the second, of quality 1, by so much."""
    parts = drawn(POPULATION, np.random.default_rng(1))
    people = gold(parts)
    least = correlation(system(parts, 1, 4), people, kind)
    return float(
        brentq(lambda own: correlation(system(parts, own, 4), people, kind) - least - difference, 0.5, 4, xtol=1e-4)
    )


def experiment(
    clusters: int, difference: float, kind: str, runs: int, rng: np.random.Generator
) -> tuple[dict[str, Floats], Correlation]:
    """The scores of each run of the first system and of the second, and the task; runs: 0 without seeds."""
    numbers = np.arange(clusters)
    again = np.concatenate([numbers, numbers[rng.random(clusters) < REPEATED]])
    parts = drawn(clusters, rng)[:, again]
    own = [quality(difference, kind)]
    if runs:
        slope = (quality(difference + 0.01, kind) - quality(difference - 0.01, kind)) / 0.02
        own = (own[0] + slope * SD * rng.normal(size=runs)).tolist()
    scores = {f"run {number}": system(parts, each, 3) for number, each in enumerate(own)}
    return scores | {"second": system(parts, 1, 4)}, Correlation(gold(parts), again)


def found(scores: dict[str, Floats], task: Correlation, kind: str, resamples: int, seed: int) -> bool:
    """Whether the 95 % interval of the project's paired bootstrap excludes zero."""
    runs = [name for name in scores if name != "second"]
    (one,) = mean_against(runs, scores, task, kind, seed=seed, resamples=resamples).comparisons
    assert one.low is not None and one.high is not None
    return one.low > 0 or one.high < 0


@cache
def designs(kind: str, resamples: int, plans: int) -> list[Design]:
    """What `terna plan` takes from each of some benchmarks of PAIRS distinct pairs."""
    planned = []
    for number in range(plans):
        scores, task = experiment(PAIRS, PLANNED_AT, kind, 0, np.random.default_rng([2, number]))
        observed, resampled = paired(task.checked(scores), task, kind, seed=number, resamples=resamples)
        error = standard_error(fisher(resampled["run 0"]) - fisher(resampled["second"]))
        planned.append(Design(error, PAIRS, rival=observed["second"]))
    return planned


def predicted(one: Design, pairs: int, difference: float, runs: int) -> float:
    """How often a benchmark of so many pairs is to find the difference, by a plan."""
    error, seeds = one.error * sqrt(one.clusters / pairs), SD if runs else 0.0
    return replace(one, error=error, clusters=pairs, seeds=seeds, runs=max(1, runs)).detected(difference)


def tried(kind: str, pairs: int, difference: float, runs: int, experiments: int, resamples: int) -> int:
    """In how many experiments the difference is found."""
    hits = 0
    for number in range(experiments):
        rng = np.random.default_rng([3, pairs, round(1000 * difference), runs, number])
        scores, task = experiment(pairs, difference, kind, runs, rng)
        hits += found(scores, task, kind, resamples, number)
    return hits


def table_of(cells: Sequence[Cell]) -> str:
    """In Markdown, and how far predicted and realised are apart, over all cells and in the mean of their sizes."""
    header = ["score", "distinct pairs", "true difference", "seeds", "predicted", "90 % of plans", "realised"]
    header += ["realised less predicted", "standard error"]
    apart = np.array([one.apart for one in cells])
    told = f"Realised less predicted: {apart.mean():+.3f} over all, {np.abs(apart).mean():.3f} in the mean of its size"
    within = f"{np.abs(apart).max():.3f} at most; within {TOLERANCE} in {(np.abs(apart) <= TOLERANCE).sum()} of"
    return f"{table(header, [row(one) for one in cells])}\n\n{told}, {within} {len(cells)} rows.\n"


def row(one: Cell) -> list[str]:
    """A cell in the table."""
    low, high = np.quantile(one.predicted, [0.05, 0.95])
    named = [one.kind, str(one.pairs), f"{one.difference:g}", str(one.runs or "–")]
    told = [f"{np.mean(one.predicted):.3f}", f"{low:.3f}, {high:.3f}", f"{one.realised:.3f}"]
    return [*named, *told, f"{one.apart:+.3f}", f"{one.error:.3f}"]


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 250, 751])
    parser.add_argument("--differences", type=float, nargs="+", default=[0.0, 0.03, 0.06])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 3], help="runs of the experiments with seeds")
    asked = parser.parse_args()
    named = [(kind, pairs, gap, 0) for kind in KINDS for pairs in asked.sizes for gap in asked.differences]
    named += [("pearson", asked.sizes[-1], gap, runs) for runs in asked.runs for gap in asked.differences]
    cells = []
    for kind, pairs, gap, runs in tqdm(named):
        there = json.loads(CELLS.read_text()) if CELLS.is_file() else {}
        name = f"{kind}/{pairs}/{gap}/{runs}/{asked.experiments}/{asked.resamples}"
        if name not in there:
            there[name] = tried(kind, pairs, gap, runs, asked.experiments, asked.resamples)
            write_json(there, CELLS)
        chances = [predicted(one, pairs, gap, runs) for one in designs(kind, asked.resamples, asked.plans)]
        cells.append(Cell(kind, pairs, gap, runs, chances, there[name] / asked.experiments, asked.experiments))
    print(table_of(cells))


if __name__ == "__main__":
    main()
