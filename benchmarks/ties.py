"""How often the board's groups of ties contain a false difference, by simulations with known truth.

    python benchmarks/ties.py [--simulations 500] [--resamples 500] [--processes 1]

In each simulation, systems score the same pairs; their scores correlate with gold as strongly as the scenario says, and
their errors with each other, as those of real encoders do. A false difference is one between systems that are equally
good, or in the wrong direction. Prints a table: the share of simulations with any (the family-wise error, 0.05 by
design) with its exact 95 % interval, and the share of the true differences that were found.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np
from scipy.stats import binomtest

from terna.arrays import Floats
from terna.markdown import table
from terna.metrics.correlations import Correlation
from terna.metrics.significance import paired
from terna.metrics.ties import all_pairs

# of a system's errors, the share that all have in common
SHARED = 0.5


@dataclass(frozen=True)
class Scenario:
    """Systems whose scores correlate with gold, by `strengths`, on a number of pairs."""

    pairs: int
    strengths: tuple[float, ...]
    kind: str


SCENARIOS = {
    "8 systems, all equal": Scenario(250, (0.7,) * 8, "spearman"),
    "8 systems, all equal, few pairs": Scenario(155, (0.85,) * 8, "spearman"),
    "20 systems, all equal, few pairs, Pearson": Scenario(155, (0.8,) * 20, "pearson"),
    "12 systems, three groups of equals": Scenario(250, (0.6,) * 4 + (0.7,) * 4 + (0.8,) * 4, "spearman"),
}


def simulated(scenario: Scenario, seed: int) -> tuple[dict[str, Floats], Correlation]:
    """The scores of each system, and the task."""
    rng = np.random.default_rng([20220401, seed])
    gold, common = rng.normal(size=(2, scenario.pairs))
    own = rng.normal(size=(len(scenario.strengths), scenario.pairs))
    errors = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
    scores = {
        str(place): strength * gold + np.sqrt(1 - strength**2) * error
        for place, (strength, error) in enumerate(zip(scenario.strengths, errors, strict=True))
    }
    return scores, Correlation(gold, np.arange(scenario.pairs))


def outcome(scenario: Scenario, resamples: int, seed: int) -> tuple[bool, float]:
    """Whether a simulation has a false difference, and the share of the true ones that it found; NaN without any."""
    scores, task = simulated(scenario, seed)
    compared = all_pairs(*paired(task.checked(scores), task, scenario.kind, seed=seed, resamples=resamples))
    strengths = np.array([scenario.strengths[int(name)] for name in compared.systems])
    truth = np.sign(strengths[:, None] - strengths[None, :])
    found = np.sign(compared.difference) * compared.differ
    real = truth != 0
    return bool((found * (found != truth)).any()), float((found == truth)[real].mean()) if real.any() else float("nan")


def family_wise(scenario: Scenario, simulations: int, resamples: int, processes: int = 1) -> tuple[int, float]:
    """In how many simulations there was a false difference, and the mean share of the true ones that were found."""
    run = partial(outcome, scenario)
    if processes == 1:
        found = list(map(run, repeat(resamples), range(simulations)))
    else:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(run, repeat(resamples), range(simulations), chunksize=10))
    shares = [share for _, share in found]
    return sum(wrong for wrong, _ in found), float(np.mean(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    rows = []
    for name, scenario in SCENARIOS.items():
        wrong, power = family_wise(scenario, given.simulations, given.resamples, given.processes)
        low, high = binomtest(wrong, given.simulations).proportion_ci()
        share = wrong / given.simulations
        told = "–" if np.isnan(power) else f"{power:.2f}"
        rows.append([name, str(scenario.pairs), f"{share:.3f}", f"{low:.3f} to {high:.3f}", told])
        print(" ".join(rows[-1]), flush=True)
    print(f"\n{given.simulations} simulations of {given.resamples} resamples\n")
    print(table(["scenario", "pairs", "family-wise error", "95 % interval", "true differences found"], rows))


if __name__ == "__main__":
    main()
