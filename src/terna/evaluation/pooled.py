"""Several runs that differ in their seed alone, taken together."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from terna.comparison import Mean, mean_against
from terna.correlations import clusters
from terna.markdown import figure, table
from terna.table import FLOORS, UNTOUCHED, compared, interval


@dataclass(frozen=True)
class Pooled:
    """How many runs there are, and their mean."""

    runs: int
    mean: Mean

    def markdown(self, benchmark: str, main_score: str) -> str:
        """The mean and its interval in a sentence, the comparisons in a table."""
        bounds = interval([self.mean.low, self.mean.high])
        told = f"mean of {self.runs} runs: {main_score} {figure(self.mean.value, 4)}, 95 % interval {bounds}"
        against = compared(main_score, [one.record() for one in self.mean.comparisons])
        return f"**{benchmark}**, {told}\n\n{table(*against)}\n"


def pooled(runs: Sequence[pa.Table], main_score: str, seed: int) -> Pooled:
    """The mean of a benchmark's main score over runs, with its interval, and against each other system.

    runs: predictions/<benchmark>.parquet of each, pair by pair the same; what the others score does not hang on a seed
    and is taken from the first.
    """
    measure, kind = main_score.split("_")
    first, ours = runs[0], [f"run {number}" for number in range(1, len(runs) + 1)]
    named = {f"untouched_{measure}": UNTOUCHED, **FLOORS}
    others = [name for name in first.column_names if name in named or name.endswith(f"_{measure}")]
    scores = {name: one[measure].to_numpy() for name, one in zip(ours, runs, strict=True)}
    scores |= {named.get(name, name.removesuffix(f"_{measure}")): first[name].to_numpy() for name in others}
    alike = clusters(first["sentence1"].to_pylist(), first["sentence2"].to_pylist())
    return Pooled(len(runs), mean_against(ours, scores, first["gold"].to_numpy(), alike, kind, seed=seed))
