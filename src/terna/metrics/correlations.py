"""How well scores agree with people's: Pearson and Spearman."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from terna.arrays import Bools, Floats, Ints
from terna.errors import DataError
from terna.metrics import task
from terna.metrics.bootstrap import weighted
from terna.metrics.task import Outcomes
from terna.sentences import fold

# scores that differ by less than this share of their size differ by rounding alone
ROUNDING = 1e-12


@dataclass(frozen=True)
class Correlation:
    """Pairs with scores that people gave, (n,), and clusters (n,) of pairs that are drawn together; outcomes are (n,).

    Raises DataError for unequal lengths.
    """

    gold: Floats
    clusters: Ints
    kinds: ClassVar[tuple[str, ...]] = ("pearson", "spearman")

    def __post_init__(self) -> None:
        if len(self.clusters) != len(self.gold):
            raise DataError(
                f"{len(self.clusters)} cluster numbers for {len(self.gold)} gold scores: each pair needs one of each"
            )

    def checked(self, outcomes: Outcomes) -> dict[str, Floats]:
        """The scores in float64; those that differ by rounding alone are equal.

        Raises DataError for fewer than two pairs, unequal lengths or a value that is not finite.
        """
        if len(self.gold) < 2:
            raise DataError(f"{len(self.gold)} scored pairs: a correlation needs at least 2")
        column("gold", self.gold)
        return {name: column(name, values, len(self.gold)) for name, values in outcomes.items()}

    def weighted(self, outcomes: Outcomes, counts: Floats) -> dict[str, Floats]:
        """`<name>_pearson` and `<name>_spearman`, which are NaN where the scores or the gold are constant."""
        return weighted(outcomes, column("gold", self.gold), counts)

    def part(self, rows: Bools) -> "Correlation":
        """The correlation on some of the pairs."""
        return Correlation(self.gold[rows], self.clusters[rows])

    def parametric(self, first: Floats, second: Floats, kind: str) -> float:
        """Williams' test, which takes clusters, not rows, for the number of pairs."""
        values = first, second, column("gold", self.gold)
        one, other, aim = values if kind == "pearson" else (rankdata(each) for each in values)
        return williams(one, other, aim, len(np.unique(self.clusters)))


def figures(scores: Outcomes, gold: Floats) -> dict[str, float | None]:
    """Pearson and Spearman of each kind of scores with `gold`: `<name>_pearson`, then `<name>_spearman`.

    scores: name → (n,); gold: (n,). Both figures are None where the scores or the gold are constant. Raises DataError
    for fewer than two pairs, unequal lengths or a value that is not finite.
    """
    return task.figures(Correlation(gold, np.arange(len(gold))), scores)


def clusters(left: Sequence[str], right: Sequence[str]) -> Ints:
    """A number for each pair of sentences, (n,), by first appearance; equal unordered pairs share theirs.

    Texts are equal after `fold`. Raises DataError for unequal lengths.
    """
    if len(left) != len(right):
        raise DataError(f"{len(left)} first and {len(right)} second sentences: each pair needs both")
    pairs = [tuple(sorted(map(fold, pair))) for pair in zip(left, right, strict=True)]
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
    return np.array([numbers[pair] for pair in pairs], np.int64)


def williams(first: Floats, second: Floats, gold: Floats, pairs: int) -> float:
    """The two-sided p of the correlations of two systems with the same gold being equal; NaN where one is undefined.

    first, second, gold: (n,). pairs: how many of the n are independent.
    Source: Williams, The Comparison of Regression Variables, 1959, in the form of Steiger, Tests for Comparing Elements
    of a Correlation Matrix, 1980, equation 7.
    """
    if min(np.ptp(first), np.ptp(second), np.ptp(gold)) == 0 or pairs < 4:
        return float("nan")
    one, two, between = np.corrcoef([first, second, gold])[[0, 1, 0], [2, 2, 1]]
    if between >= 1 - 1e-12:  # one is the other
        return 1.0
    determinant = 1 - one**2 - two**2 - between**2 + 2 * one * two * between
    spread = 2 * (pairs - 1) / (pairs - 3) * determinant + ((one + two) / 2) ** 2 * (1 - between) ** 3
    statistic = (one - two) * np.sqrt((pairs - 1) * (1 + between) / spread)
    return float(2 * student.sf(abs(statistic), pairs - 3))


def column(name: str, values: Floats, rows: int | None = None) -> Floats:
    """One score a pair in float64; those that differ by rounding alone are equal, and 0 where all of them are.

    rows: how many there should be. Raises DataError for another number, or a value that is not finite.
    """
    if rows is not None and len(values) != rows:
        raise DataError(f"{name}: {len(values)} scores for {rows} gold scores: each pair needs one of each")
    values = np.asarray(values, np.float64)
    if faults := int((~np.isfinite(values)).sum()):
        raise DataError(f"{name}: {faults} of {len(values)} values are not finite; did the model diverge?")
    # a collapsed encoder gives cosines of 1 that differ in their last bits: that is constant
    constant = np.ptp(values) <= ROUNDING * np.abs(values).max()
    return np.zeros_like(values) if constant else tied(values)


def tied(scores: Floats) -> Floats:
    """Scores (n,) in which those that differ by rounding alone are equal, the others as they are.

    Sentences with the same words have the same vector in a static encoder, and their cosine is 1 but for the last bits:
    which of them is the highest depends on the processor, and must not decide a rank.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.diff(ranked, prepend=-np.inf) > ROUNDING * np.abs(scores).max(initial=0)
    found = np.empty_like(scores)
    found[order] = ranked[starts][np.cumsum(starts) - 1]
    return found
