"""How well scores tell pairs labelled 1 from those labelled 0: average precision, accuracy and F1 at a threshold."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from terna.arrays import Bools, Floats, Ints
from terna.errors import DataError
from terna.metrics.correlations import column, tied
from terna.metrics.task import Outcomes


class Thresholds(NamedTuple):
    """From which score on a pair counts as 1, for each figure that needs to know."""

    accuracy: float
    f1: float


@dataclass(frozen=True)
class Classification:
    """Pairs with labels of 0 and 1, (n,), and clusters (n,) of pairs that are drawn together.

    Outcomes are scores beside the thresholds, as `decided` puts them, (n, 3). Raises DataError for unequal lengths, and
    for other labels.
    """

    labels: Floats
    clusters: Ints
    kinds: ClassVar[tuple[str, ...]] = ("ap", "accuracy", "f1")

    def __post_init__(self) -> None:
        if len(self.clusters) != len(self.labels):
            raise DataError(
                f"{len(self.clusters)} cluster numbers for {len(self.labels)} labels: each pair needs one of each"
            )
        if other := set(np.unique(self.labels).tolist()) - {0.0, 1.0}:
            raise DataError(f"labels of {sorted(other)}: only 0 and 1 are allowed")

    def checked(self, outcomes: Outcomes) -> dict[str, Floats]:
        """The outcomes in float64; scores that differ by rounding alone are equal.

        Raises DataError for unequal lengths, or a score that is not finite.
        """
        found = {}
        for name, values in outcomes.items():
            scores = values[:, 0]
            if len(scores):
                column(name, scores, len(self.labels))  # for its errors
            found[name] = np.column_stack([tied(scores), values[:, 1:]])
        return found

    def weighted(self, outcomes: Outcomes, counts: Floats) -> dict[str, Floats]:
        """`<name>_ap`, `<name>_accuracy` and `<name>_f1`; NaN without a pair labelled 1, and without a threshold."""
        found: dict[str, Floats] = {}
        for name, values in outcomes.items():
            scores = values[:, 0]
            found[f"{name}_ap"] = average_precision(scores, self.labels, counts)
            found[f"{name}_accuracy"] = _accuracy(_decisions(scores, values[:, 1]), self.labels, counts)
            found[f"{name}_f1"] = _f1(_decisions(scores, values[:, 2]), self.labels, counts)
        return found

    def part(self, rows: Bools) -> "Classification":
        """The task on some of the pairs."""
        return Classification(self.labels[rows], self.clusters[rows])

    def parametric(self, first: Floats, second: Floats, kind: str) -> float:
        """None is known."""
        return float("nan")


def decided(scores: Floats, thresholds: Thresholds | None) -> Floats:
    """The scores, each beside the thresholds, (n, 3); NaN where there are none."""
    beside = np.tile(thresholds or (np.nan, np.nan), (len(scores), 1))
    return np.column_stack([scores, beside])


def best_thresholds(scores: Floats, labels: Floats) -> Thresholds:
    """The thresholds with the highest accuracy, and the highest F1; the highest threshold of equally good ones.

    scores, labels: (n,). Each lies midway between two scores, on the lowest, or just above the highest, where no pair
    counts as 1.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # how many pairs count as 1 at each cut: equal scores are on one side
    cuts = np.append(np.flatnonzero(np.diff(ranked)) + 1, len(ranked))
    hits = np.cumsum(labels[order])[cuts - 1]
    positive = labels.sum()
    right = np.concatenate([[len(labels) - positive], 2 * hits + len(labels) - positive - cuts])
    harmonic = 2 * hits / (cuts + positive)
    return Thresholds(
        _above(ranked, [0, *cuts], int(right.argmax())), _above(ranked, list(cuts), int(harmonic.argmax()))
    )


def average_precision(scores: Floats, labels: Floats, counts: Floats) -> Floats:
    """The mean precision over the pairs labelled 1, each where its score is reached, in each resample, (resamples,).

    scores, labels: (n,); counts: (n, resamples). Equal scores are reached together. NaN where no pair is labelled 1.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    counted = counts[order]
    reached = np.cumsum(counted, axis=0)[last]
    hits = np.cumsum(counted * labels[order, None], axis=0)[last]
    gained = np.diff(hits, axis=0, prepend=0)
    precision = np.divide(hits, reached, out=np.zeros_like(hits), where=reached > 0)
    return _share((gained * precision).sum(axis=0), hits[-1])


def _decisions(scores: Floats, thresholds: Floats) -> Floats:
    """1 where the score reaches the threshold, else 0; NaN without one."""
    return np.where(np.isnan(thresholds), np.nan, scores >= thresholds)


def _accuracy(decisions: Floats, labels: Floats, counts: Floats) -> Floats:
    right = np.where(np.isnan(decisions), np.nan, decisions == labels)
    return _share((counts * right[:, None]).sum(axis=0), counts.sum(axis=0))


def _f1(decisions: Floats, labels: Floats, counts: Floats) -> Floats:
    hits = (counts * (decisions * labels)[:, None]).sum(axis=0)
    return _share(2 * hits, (counts * (decisions + labels)[:, None]).sum(axis=0))


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _above(ranked: Floats, cuts: list[int], place: int) -> float:
    """A threshold that the first so many of `ranked`, which falls, reach and no others."""
    cut = cuts[place]
    if cut == 0:
        return float(np.nextafter(ranked[0], np.inf))
    if cut == len(ranked):
        return float(ranked[-1])
    middle = (ranked[cut - 1] + ranked[cut]) / 2
    return float(middle if middle > ranked[cut] else ranked[cut - 1])
