"""What a paired comparison can show: its power, the smallest difference, the units and runs that one needs."""

from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
from scipy.stats import norm

from terna.arrays import Floats

# two-sided, as the 95 % intervals; the share of experiments in which a difference is to be found
LEVEL, POWER = 0.05, 0.8
CRITICAL = float(norm.isf(LEVEL / 2))
# how many standard errors a difference is that is found with POWER
STEPS = CRITICAL + float(norm.ppf(POWER))


@dataclass(frozen=True)
class Design:
    """A comparison of two systems on one benchmark, by what the observed difference of their figures varies with.

    error: its standard error over the units drawn, where `clusters` independent ones are drawn. seeds: its standard
    deviation over the seeds of the training, where each system is trained once; runs: how often each is trained.

    The observed difference D of the runs' means is taken as normal around the true one d, with the variance
    error^2 + seeds^2 / runs, and error^2 as inversely proportional to the number of clusters. As both systems are
    scored on the same units, `error` is that of a difference of dependent correlations; the bootstrap's, from the
    resamples of the test itself, holds any dependence (`standard_error`). For differences near those on record: a
    system that agrees with its rival more than they do has a smaller error.

    Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6, for the standard error; Lachin,
    Introduction to Sample Size Determination and Power Analysis for Clinical Trials, 1981, for power and sizes; for
    both sources of variance Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks, 2021.
    """

    error: float
    clusters: int
    seeds: float = 0.0
    runs: int = 1

    @property
    def spread(self) -> float:
        """The standard deviation of the observed difference."""
        return sqrt(self.error**2 + self.seeds**2 / self.runs)

    def power(self, difference: float) -> float:
        """How often a true difference is found, at a false alarm rate of LEVEL: |D| > CRITICAL * spread."""
        return _beyond(difference, CRITICAL * self.spread, self.spread)

    def detected(self, difference: float) -> float:
        """How often the paired bootstrap calls two systems different: |D| > CRITICAL * error.

        It does not count the seeds. Without them it is `power`; with them, detected(0) is above LEVEL.
        """
        return _beyond(difference, CRITICAL * self.error, self.spread)

    def smallest(self) -> float:
        """The difference whose power is POWER: STEPS * spread; the far tail, below 1e-6 there, is left out."""
        return STEPS * self.spread

    def clusters_needed(self, difference: float) -> float:
        """How many clusters in all give `difference` the power POWER; infinite where the seeds alone hide it."""
        room = (difference / STEPS) ** 2 - self.seeds**2 / self.runs
        return ceil(self.clusters * self.error**2 / room) if room > 0 else inf

    def runs_needed(self, difference: float) -> float:
        """How many runs of each system give it; infinite where the clusters alone are too few."""
        room = (difference / STEPS) ** 2 - self.error**2
        return max(1, ceil(self.seeds**2 / room)) if room > 0 else inf


def standard_error(differences: Floats) -> float:
    """The standard deviation of a difference over its resamples, (resamples,); NaN among them is left out.

    NaN where fewer than two are defined.
    """
    defined = differences[~np.isnan(differences)]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")


def smallest_within(low: float, high: float) -> float:
    """The smallest difference that is found with POWER, from the 95 % interval of a difference that was observed."""
    return STEPS * (high - low) / (2 * CRITICAL)


def _beyond(mean: float, limit: float, spread: float) -> float:
    """The chance that a normal variable is beyond the limit on either side."""
    return float(norm.sf((limit - mean) / spread) + norm.cdf((-limit - mean) / spread))
