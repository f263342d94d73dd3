"""What a paired comparison can show: its power, the smallest difference, the units and runs that one needs."""

from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from terna.arrays import Floats

# two-sided, as the 95 % intervals; the share of experiments in which a difference is to be found
LEVEL, POWER = 0.05, 0.8
CRITICAL = float(norm.isf(LEVEL / 2))
# how many standard errors a difference is that is found with POWER
STEPS = CRITICAL + float(norm.ppf(POWER))
# a correlation of 1 has no finite z
NEARLY_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Design:
    """A comparison of two systems on one benchmark, by what the observed difference of their figures varies with.

    error: its standard error over the units drawn, where `clusters` independent ones are drawn. rival: the other
    system's figure if it is a correlation, and `error` is then that of the difference of both correlations' Fisher z;
    None for other figures. seeds: its standard deviation over the seeds of the training, where each system is trained
    once; runs: how often each is trained.

    The observed difference D of the runs' means is taken as normal around the true one d, with the variance
    error_at(d)^2 + seeds^2 / runs, and error^2 as inversely proportional to the number of clusters. As both systems are
    scored on the same units, `error` is that of a difference of dependent correlations; the bootstrap's, from the
    resamples of the test itself, holds any dependence (`standard_error`). Whether a percentile interval of r - r'
    excludes 0 does not change if z = arctanh replaces r, and the error of z hardly depends on the correlation.

    Sources: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13, for the standard error and
    percentile intervals; Fisher, On the Probable Error of a Coefficient of Correlation Deduced from a Small Sample,
    1921, for z; Lachin, Introduction to Sample Size Determination and Power Analysis for Clinical Trials, 1981, for
    power and sizes; for both sources of variance Bouthillier et al., Accounting for Variance in Machine Learning
    Benchmarks, 2021.
    """

    error: float
    clusters: int
    seeds: float = 0.0
    runs: int = 1
    rival: float | None = None

    def error_at(self, difference: float = 0.0) -> float:
        """The standard error over units by which a true difference of figures, this one, is found or not.

        Of correlations, it is that of z, brought to the scale of the correlations between the rival's and the better.
        """
        if self.rival is None:
            return self.error
        low, high = sorted(np.clip([self.rival, self.rival + difference], -NEARLY_ONE, NEARLY_ONE))
        if high - low < 1e-9:  # the limit
            return float(self.error * (1 - low**2))
        return float(self.error * abs(difference) / (np.arctanh(high) - np.arctanh(low)))

    def spread(self, difference: float = 0.0) -> float:
        """The standard deviation of the observed difference, where the true one is this."""
        return sqrt(self.error_at(difference) ** 2 + self.seeds**2 / self.runs)

    def power(self, difference: float) -> float:
        """How often a true difference is found, at a false alarm rate of LEVEL: |D| > CRITICAL * spread."""
        spread = self.spread(difference)
        return _beyond(difference, CRITICAL * spread, spread)

    def detected(self, difference: float) -> float:
        """How often the paired bootstrap calls two systems different: |D| > CRITICAL * error.

        It does not count the seeds. Without them it is `power`; with them, detected(0) is above LEVEL.
        """
        return _beyond(difference, CRITICAL * self.error_at(difference), self.spread(difference))

    def smallest(self) -> float:
        """The difference whose power is POWER: STEPS * spread; the far tail, below 1e-6 there, is left out.

        Infinite where even a correlation of 1 would not have it.
        """
        if self.rival is None:
            return STEPS * self.spread()
        most = 1 - self.rival
        if STEPS * self.spread(most) >= most:
            return inf
        return float(brentq(lambda difference: difference - STEPS * self.spread(difference), 0, most))

    def clusters_needed(self, difference: float) -> float:
        """How many clusters in all give `difference` the power POWER; infinite where the seeds alone hide it."""
        room = (difference / STEPS) ** 2 - self.seeds**2 / self.runs
        return ceil(self.clusters * self.error_at(difference) ** 2 / room) if room > 0 else inf

    def runs_needed(self, difference: float) -> float:
        """How many runs of each system give it; infinite where the clusters alone are too few."""
        room = (difference / STEPS) ** 2 - self.error_at(difference) ** 2
        return max(1, ceil(self.seeds**2 / room)) if room > 0 else inf


def fisher(correlations: Floats) -> Floats:
    """Fisher's z of correlations, whose variance hardly depends on them; one of 1 is taken as slightly below."""
    found: Floats = np.arctanh(np.clip(correlations, -NEARLY_ONE, NEARLY_ONE))
    return found


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
