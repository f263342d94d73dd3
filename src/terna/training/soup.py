"""Averages of the weights of several trainings, and which of them the development data prefer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from terna.arrays import Floats
from terna.encoder import Encoder
from terna.encoder.averaging import Weights, average
from terna.training.selection import Score

UNIFORM, GREEDY, START = "uniform", "greedy", "the start"


@dataclass(frozen=True)
class Soup:
    """An average and what it scored.

    members: places of the encoders that it is the mean of, rising; share: of that mean in it, the rest is the start's.
    score: NaN where it is undefined. outcome: what the score is of, one a unit of the benchmark.
    """

    name: str
    members: list[int]
    share: float
    score: float
    outcome: Floats


class Averages:
    """Averages of `weights`, all of encoders like `encoder`, which holds the last one that was scored.

    score: of an encoder, of which the figure `main` decides. start: what averages may be mixed with.
    """

    def __init__(
        self, encoder: Encoder, weights: Sequence[Weights], score: Score, main: str, start: Weights | None = None
    ) -> None:
        self.encoder = encoder
        self.weights = weights
        self.score = score
        self.main = main
        self.start = start
        self.scored: dict[tuple[tuple[int, ...], float], Soup] = {}

    def load(self, members: Sequence[int], share: float = 1.0) -> Encoder:
        """The encoder with the mean of these members, mixed with the start unless `share` is 1."""
        chosen = [self.weights[place] for place in members]
        self.encoder.load_state_dict(average(chosen, self.start if share < 1 else None, share))
        return self.encoder

    def soup(self, name: str, members: Sequence[int], share: float = 1.0) -> Soup:
        """A scored average; one that was scored under another name is not scored again."""
        key = tuple(members), share
        if key not in self.scored:
            figures, outcome = self.score(self.load(members, share))
            self.scored[key] = Soup(name, list(members), share, figures.get(self.main, float("nan")), outcome)
        return replace(self.scored[key], name=name)

    def soups(self, names: Sequence[str], shares: Sequence[float]) -> list[Soup]:
        """The start if there is one, each encoder alone, the uniform and the greedy soup, and mixes with the start.

        names: of the encoders; shares: of the mixes.
        """
        begun = [self.soup(START, [0], 0.0)] if self.start else []
        alone = [self.soup(name, [place]) for place, name in enumerate(names)]
        chosen = greedy([one.score for one in alone], lambda members: self.soup("", members).score)
        kinds = {UNIFORM: list(range(len(names))), GREEDY: chosen}
        pure = [self.soup(kind, members) for kind, members in kinds.items()]
        mixes = [self.soup(f"{share} of {one.name}", one.members, share) for one in pure for share in shares]
        return [*begun, *alone, *pure, *mixes]


def greedy(scores: Sequence[float], score: Callable[[list[int]], float]) -> list[int]:
    """The places of the members of a greedy soup, rising: the best first, then each that does not lower the score.

    scores: of each alone; score: of the mean of those at some places. An undefined score, NaN, is below any other.
    Source: Wortsman et al., Model Soups, 2022, recipe 1.
    """
    order = sorted(range(len(scores)), key=lambda place: (np.isnan(scores[place]), -scores[place]))
    chosen, best = order[:1], scores[order[0]]
    for place in order[1:]:
        tried = sorted([*chosen, place])
        if (found := score(tried)) >= best:
            chosen, best = tried, found
    return chosen


def best_of(soups: Sequence[Soup]) -> Soup:
    """The one with the highest score, of equals the first."""
    return min(soups, key=lambda one: (np.isnan(one.score), -one.score))
