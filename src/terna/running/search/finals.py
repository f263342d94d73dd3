"""The finals of a search: its best trials, trained with several seeds, against each other and the start."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from terna.arrays import Floats
from terna.markdown import ABSENT, escape, figure, table
from terna.metrics.ranking import Standing, resolution
from terna.running.search.trials import Trial, ranked

START = "the start"
# of a similarity: by how much starts of the same weights may differ, since other chunks round otherwise
ROUNDING = 1e-4


@dataclass(frozen=True)
class Finals:
    """How finalists and start rank by the mean over the seeds; failed: why a finalist is not among them, by name."""

    seeds: list[int]
    standings: list[Standing]
    failed: dict[str, str]

    def record(self) -> dict[str, Any]:
        """As the search's JSON holds them."""
        return asdict(self) | {"tied": self.tied, "resolution": resolution(self.standings)}

    @property
    def tied(self) -> list[str]:
        """What is not distinguishable from the best."""
        return [one.system for one in self.standings[1:] if one.tied]

    def sentence(self) -> str:
        """The best, what is tied with it, and how small a difference the benchmark can show."""
        if not self.standings:
            return "no finalist came to its end"
        best, shown = self.standings[0], resolution(self.standings)
        told = [f"best: {best.system}, {figure(best.mean, 4)} in the mean over seeds {', '.join(map(str, self.seeds))}"]
        told.append(f"tied: {', '.join(self.tied) or 'none'}")
        told += [] if shown is None else [f"what the benchmark can show is about ±{shown:.4f}"]
        told += [f"no trial is shown to beat {one}" for one in [best.system, *self.tied] if one.startswith(START)]
        return "; ".join(told)

    def markdown(self, chosen_on: str) -> str:
        """The table, the best first, what it says, and why others are not in it."""
        titles = ["", "mean", *(f"seed {seed}" for seed in self.seeds), "below the best", "95 % interval", ""]
        blocks = [f"**Finals** by the mean of {chosen_on} over the seeds"]
        blocks += [table(titles, map(self._row, self.standings))] if self.standings else []
        blocks.append(
            f"{escape(self.sentence())}. Tied: the interval of the difference from the best, by a paired bootstrap of "
            "the pairs, holds zero. It says nothing of other seeds, and these very pairs chose the trials."
        )
        blocks += [f"{name} failed: {escape(reason)}" for name, reason in self.failed.items()]
        return "\n\n".join(blocks) + "\n"

    def _row(self, one: Standing) -> list[str]:
        best = one is self.standings[0]
        between = ABSENT if best or one.low is None else f"{figure(one.low, 4)} to {figure(one.high, 4)}"
        told = "best" if best else "tied" if one.tied else ""
        below = ABSENT if best else figure(one.behind, 4)
        return [one.system, figure(one.mean, 4), *(figure(run, 4) for run in one.runs), below, between, told]


def finalists(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The best trials, at most `count`; of several with the same settings the first."""
    distinct: dict[tuple[str, ...], Trial] = {}
    for one in ranked(trials):
        if one.score is not None:
            distinct.setdefault(tuple(one.words), one)
    return list(distinct.values())[:count]


def distinct_starts(starts: Mapping[str, Sequence[Floats]]) -> dict[str, Sequence[Floats]]:
    """Each start once, by what it is called, from the similarities, (n,) a seed, that each finalist started with.

    All finalists have one start, unless the search is over what makes it: then there is a start of each such finalist.
    """
    found: dict[str, Sequence[Floats]] = {}
    for name, runs in starts.items():
        if not any(np.allclose(runs, other, rtol=0, atol=ROUNDING) for other in found.values()):
            found[name] = runs
    return {START if len(found) == 1 else f"{START} of {name}": runs for name, runs in found.items()}
