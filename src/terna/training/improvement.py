"""Whether training made the encoder better than it was at the start, on the development data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from terna.data.evaluators import Evaluator
from terna.metrics.significance import against
from terna.records import OUTCOMES
from terna.training.selection import Selection


@dataclass(frozen=True)
class Improvement:
    """The main score of the weights that were kept, less the start's.

    step: after which they were kept; 0: they are the start's. start: the start's score. low, high: the 95 % interval of
    the difference, from a paired bootstrap over the development pairs; None where it is undefined.
    """

    step: int
    start: float
    difference: float | None
    low: float | None
    high: float | None

    @property
    def shown(self) -> bool:
        """The interval lies above zero."""
        return self.low is not None and self.low > 0

    def record(self) -> dict[str, Any]:
        """As metrics/train.json holds it."""
        return {
            "start_score": self.start,
            "gain_over_start": {"difference": self.difference, "ci95": [self.low, self.high]},
            "better_than_start": self.shown,
        }

    def sentence(self) -> str:
        """The difference and its interval, and what they say."""
        if not self.step:
            return "the start's own weights: no step scored better"
        if self.difference is None or self.low is None:
            return f"not comparable with the start's {self.start:.4f}"
        found = f"{self.difference:+.4f} over the start (95 % interval {self.low:+.4f} to {self.high:+.4f})"
        return found if self.shown else f"{found}: not shown to be better"


def outcomes(selection: Selection) -> pa.Table:
    """What the main score is of, of the start and of the weights that were kept, as an OUTCOMES table."""
    columns = [[np.atleast_1d(unit) for unit in each] for each in (selection.start, selection.kept)]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, OUTCOMES.types, strict=True)], OUTCOMES)


def improvement(selection: Selection, benchmark: Evaluator, seed: int) -> Improvement:
    """Compare the best weights of a run with its start, on the benchmark that chose them.

    The weights were chosen on these same pairs or queries, so the difference is at best what it seems: see
    docs/evaluation.md.
    """
    compared, kind = {"kept": selection.kept, "start": selection.start}, selection.main.partition("_")[2]
    [found] = against("kept", compared, benchmark.metric, kind, seed=seed)
    return Improvement(selection.best_step, selection.start_score, found.difference, found.low, found.high)
