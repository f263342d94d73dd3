"""All systems of a benchmark compared with each other: differences, ranks with intervals, groups of ties.

The chance of any false difference among all pairs is held, by the largest studentized difference of each resample.

Why not Holm's correction of the bootstrap's p-values: of B resamples no p is below 2 / (B + 1), and among the 528 pairs
of 33 systems the smallest must be below 0.05 / 528. With 10,000 resamples nothing would ever differ. The largest
difference has no such limit, and takes into account that the differences depend on each other.

Sources: Westfall & Young, Resampling-Based Multiple Testing, 1993, chapter 2 (single step, max T); Romano & Wolf, Exact
and Approximate Stepdown Methods for Multiple Hypothesis Testing, JASA 100, 2005; Mogstad, Romano, Shaikh & Wilhelm,
Inference for Ranks with Applications to Mobility across Neighborhoods and Academic Achievement across Countries, Review
of Economic Studies 91, 2024 (ranks); Piepho, An Algorithm for a Letter-Based Representation of All-Pairwise
Comparisons, Journal of Computational and Graphical Statistics 13, 2004 (letters).
"""

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from terna.arrays import Bools, Floats
from terna.metrics.standings import ordered

LETTERS = string.ascii_lowercase + string.ascii_uppercase


@dataclass(frozen=True)
class Place:
    """Where a system stands: its rank by its figure, the interval of its rank, and the letters of its groups.

    Two systems that share a letter are not distinguishable. The intervals of all ranks hold together.
    """

    system: str
    rank: int
    best: int
    worst: int
    letters: str


@dataclass(frozen=True)
class Pair:
    """A system's figure less that of one that ranks below it, with its simultaneous interval and its corrected p."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class AllPairs:
    """k systems, the best first, and each one's figure less each other's.

    difference, half: (k, k), and half the width of its simultaneous interval. p: (k, k), corrected for all pairs.
    undefined: systems without a figure, which are not compared.
    """

    systems: list[str]
    difference: Floats
    half: Floats
    p: Floats
    undefined: list[str]

    @property
    def differ(self) -> Bools:
        """Whether the interval of a difference excludes zero, (k, k)."""
        found: Bools = np.abs(self.difference) > self.half
        return found

    def places(self) -> list[Place]:
        """Where each system stands, the best first.

        A rank is at least one below the systems that are better, and above those that are worse.
        """
        above, below = self.differ & (self.difference < 0), self.differ & (self.difference > 0)
        bounds = zip(1 + above.sum(axis=1), len(self.systems) - below.sum(axis=1), strict=True)
        every = zip(self.systems, bounds, letters(self.differ), strict=True)
        return [
            Place(name, rank, int(best), int(worst), own) for rank, (name, (best, worst), own) in enumerate(every, 1)
        ]

    def pairs(self) -> Iterator[Pair]:
        """Each pair once."""
        for one, other in combinations(range(len(self.systems)), 2):
            gap, half = float(self.difference[one, other]), float(self.half[one, other])
            p = float(self.p[one, other])
            yield Pair(self.systems[one], self.systems[other], gap, gap - half, gap + half, p)


def all_pairs(observed: Mapping[str, float], resampled: Mapping[str, Floats], level: float = 0.95) -> AllPairs:
    """Compare each system with each other, the chance of any false difference being 1 - level.

    observed: the figure of each system, NaN where it is undefined. resampled: its figure in each resample,
    (resamples,), the same ones for all, as `significance.paired` gives both. A resample in which a figure is undefined
    is left out.
    """
    order = ordered(observed)
    defined = [name for name in order if not np.isnan(observed[name])]
    values = np.array([observed[name] for name in defined])
    spread = np.array([resampled[name] for name in defined]).reshape(len(defined), -1)
    spread = spread[:, ~np.isnan(spread).any(axis=0)]
    errors = spread - values[:, None]
    scale, largest = _studentized(errors)
    difference = values[:, None] - values[None, :]
    half = scale * np.quantile(largest, level) if len(largest) else np.full_like(scale, np.inf)
    size = np.divide(np.abs(difference), scale, out=np.where(difference, np.inf, 0), where=scale > 0)
    beyond = np.searchsorted(np.sort(largest), size.ravel(), side="left").reshape(size.shape)
    p = (len(largest) - beyond + 1) / (len(largest) + 1)
    return AllPairs(defined, difference, half, p, order[len(defined) :])


def _studentized(errors: Floats) -> tuple[Floats, Floats]:
    """The standard error of each difference, (k, k), and the largest studentized error of each resample, (resamples,).

    errors: (k, resamples). Systems that differ in no resample, as a copy does, have a standard error of 0.
    """
    systems, resamples = errors.shape
    scale, largest = np.zeros((systems, systems)), np.zeros(resamples)
    for one in range(systems - 1):
        gaps = errors[one] - errors[one + 1 :]
        own = gaps.std(axis=1, ddof=1) if resamples > 1 else np.zeros(len(gaps))
        scale[one, one + 1 :] = scale[one + 1 :, one] = own
        if (varies := own > 0).any():
            largest = np.maximum(largest, (np.abs(gaps[varies]) / own[varies, None]).max(axis=0))
    return scale, largest


def letters(differ: Bools) -> list[str]:
    """The compact letter display: two that differ share no letter, two that do not share one.

    differ: (k, k), symmetric. The letters go by the first that has them. A letter without which the display would be
    the same is left out.
    """
    groups = [frozenset(range(len(differ)))] if len(differ) else []
    for pair in combinations(range(len(differ)), 2):
        if differ[pair]:
            groups = _absorbed([part for group in groups for part in _parted(group, *pair)])
    groups = sorted(_swept(groups), key=sorted)
    return ["".join(_letter(place) for place, group in enumerate(groups) if one in group) for one in range(len(differ))]


def _parted(group: frozenset[int], one: int, other: int) -> list[frozenset[int]]:
    """A group that holds both as two, each without one of them."""
    return [group - {one}, group - {other}] if {one, other} <= group else [group]


def _absorbed(groups: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """The groups that are no part of another."""
    distinct = list(dict.fromkeys(groups))
    return [group for group in distinct if not any(group < other for other in distinct)]


def _swept(groups: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """The groups without those whose pairs all stand together in others too, looked for from the last."""
    kept = sorted(groups, key=sorted)
    for group in reversed(kept.copy()):
        others = [other for other in kept if other != group]
        pairs = [*combinations(sorted(group), 2), *((one,) for one in group)]
        if all(any(set(pair) <= other for other in others) for pair in pairs):
            kept.remove(group)
    return kept


def _letter(place: int) -> str:
    """The letters in lower case, then in upper case, then both with a number."""
    turn, letter = divmod(place, len(LETTERS))
    return LETTERS[letter] + (str(turn) if turn else "")


def averaged(
    benchmarks: Sequence[tuple[Mapping[str, float], Mapping[str, Floats]]], *, seed: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The mean over benchmarks of each system that all have: observed and resampled, as `all_pairs` takes them.

    benchmarks: observed and resampled of each, with equally many resamples. The resamples of each benchmark are put in
    an order of its own, the same for all systems: benchmarks are resampled independently of each other, whatever they
    were drawn with, and systems are still compared on the same resamples.
    """
    names = [name for name in benchmarks[0][0] if all(name in observed for observed, _ in benchmarks)]
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(next(iter(resampled.values())))) for _, resampled in benchmarks]
    values = {name: float(np.mean([observed[name] for observed, _ in benchmarks])) for name in names}
    spread = {
        name: np.mean(
            [resampled[name][order] for order, (_, resampled) in zip(orders, benchmarks, strict=True)], axis=0
        )
        for name in names
    }
    return values, spread
