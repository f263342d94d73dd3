"""The finals of a search: its best trials, trained with several seeds, against each other and the start."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from terna.arrays import Floats
from terna.markdown import escape, figure
from terna.metrics.standings import Standing, resolution, tied
from terna.running.search.standings import markdown, verdict
from terna.running.search.trials import Trial, ranked

START = "the start"
# of an outcome: by how much starts of the same weights may differ, since other chunks round otherwise
ROUNDING = 1e-4


@dataclass(frozen=True)
class Finals:
    """How finalists and start rank by the mean over the seeds; failed: why a finalist is not among them, by name."""

    seeds: list[int]
    standings: list[Standing]
    failed: dict[str, str]

    def record(self) -> dict[str, Any]:
        """As the search's JSON holds them."""
        return asdict(self) | {"tied": tied(self.standings), "resolution": resolution(self.standings)}

    def sentence(self) -> str:
        """The best, what is tied with it, and how small a difference the benchmark can show."""
        if not self.standings:
            return "no finalist came to its end"
        best = self.standings[0]
        seeds = ", ".join(map(str, self.seeds))
        told = [f"best: {best.system}, {figure(best.mean, 4)} in the mean over seeds {seeds}", verdict(self.standings)]
        equal = [one for one in [best.system, *tied(self.standings)] if one.startswith(START)]
        return "; ".join([*told, *(f"no trial is shown to beat {one}" for one in equal)])

    def markdown(self, chosen_on: str) -> str:
        """The table, the best first, what it says, and why others are not in it."""
        blocks = [f"**Finals** by the mean of {chosen_on} over the seeds"]
        blocks += [markdown(self.standings, [f"seed {seed}" for seed in self.seeds])] if self.standings else []
        blocks.append(
            f"{escape(self.sentence())}. Tied: the interval of the difference from the best, by a paired bootstrap of "
            "the benchmark, contains zero. It does not cover other seeds, and this same benchmark chose the trials."
        )
        blocks += [f"{name} failed: {escape(reason)}" for name, reason in self.failed.items()]
        return "\n\n".join(blocks) + "\n"


def finalists(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The best trials, at most `count`; of several with the same settings the first."""
    distinct: dict[tuple[str, ...], Trial] = {}
    for one in ranked(trials):
        if one.score is not None:
            distinct.setdefault(tuple(one.words), one)
    return list(distinct.values())[:count]


def outcome_of(outcomes: pa.Table, name: str) -> Floats:
    """A column of an OUTCOMES table as an outcome, (n,), or (n, m) where a unit has several numbers."""
    found = np.array(outcomes[name].to_pylist(), np.float64)
    return found[:, 0] if found.shape[1] == 1 else found


def distinct_starts(starts: Mapping[str, Sequence[Floats]]) -> dict[str, Sequence[Floats]]:
    """Each start once, by what it is called, from the outcomes, one a seed, that each finalist started with.

    All finalists have one start, unless the search is over what makes it: then there is a start of each such finalist.
    """
    found: dict[str, Sequence[Floats]] = {}
    for name, runs in starts.items():
        if not any(np.allclose(_first(runs), _first(other), rtol=0, atol=ROUNDING) for other in found.values()):
            found[name] = runs
    return {START if len(found) == 1 else f"{START} of {name}": runs for name, runs in found.items()}


def _first(runs: Sequence[Floats]) -> list[Floats]:
    """The first number of each unit: what follows a score is a threshold, which rounding can move by more."""
    return [run if run.ndim == 1 else run[:, 0] for run in runs]
