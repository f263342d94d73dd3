"""A benchmark's pairs in parts: by file, by length, by the words they share, by gold; and the worst of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from terna.arrays import Bools, Floats
from terna.errors import DataError
from terna.evaluation.diagnosis.record import Band, Diagnosis, Neighbours, Pair, Part, Space
from terna.metrics.correlations import Correlation, clusters, figures
from terna.metrics.significance import against
from terna.records import sentences_of

# a correlation of fewer pairs says next to nothing
FEWEST = 10
# the share of words in common, from and below; the last band takes its end in
OVERLAPS = (0.0, 0.1, 0.25, 0.5, 1.0)
WORST = 10
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Scored:
    """A benchmark with what the parts are figured from.

    table: SCORED, n rows. predicted: (n,), by the main similarity `measure`. baseline: (n,), by the characters' TF-IDF.
    overlap: (n,), Jaccard of the words. scale: the lowest and the highest gold. kind: `pearson` or `spearman`.
    """

    table: pa.Table
    measure: str
    kind: str
    predicted: Floats
    baseline: Floats
    overlap: Floats
    scale: Sequence[float]
    seed: int

    @property
    def gold(self) -> Floats:
        """(n,)."""
        gold: Floats = self.table["gold"].to_numpy()
        return gold


def diagnose(scored: Scored, space: Mapping[str, Space], near: Sequence[Neighbours] = ()) -> Diagnosis:
    """Take a benchmark apart; `space` and `near` are passed through. Raises DataError for columns of unequal length."""
    unequal = {len(scored.predicted), len(scored.baseline), len(scored.overlap)} - {scored.table.num_rows}
    if unequal:
        raise DataError(f"{scored.table.num_rows} pairs, but columns of {sorted(unequal)} scores: each pair needs one")
    fifths = np.linspace(scored.scale[0], scored.scale[1], 6)
    return Diagnosis(
        measure=scored.measure,
        kind=scored.kind,
        by_file=[_part(scored, name, rows) for name, rows in _files(scored.table).items()],
        by_length=[_part(scored, name, rows) for name, rows in _lengths(*sentences_of(scored.table)).items()],
        by_overlap=[_part(scored, name, rows) for name, rows in _bands(scored.overlap, OVERLAPS)],
        by_gold=[_band(scored, name, rows) for name, rows in _bands(scored.gold, fifths)],
        worst=_worst(scored),
        neighbours=list(near),
        space=dict(space),
    )


def _files(table: pa.Table) -> dict[str, Bools]:
    named = np.array(table["file"].to_pylist())
    return {str(file): named == file for file in dict.fromkeys(named)}


def _lengths(first: Sequence[str], second: Sequence[str]) -> dict[str, Bools]:
    """Thirds by the number of words of a pair; pairs of one length stay together, so a third may be empty."""
    words = np.array([len(WORD.findall(one)) + len(WORD.findall(two)) for one, two in zip(first, second, strict=True)])
    third = np.searchsorted(np.quantile(words, [1 / 3, 2 / 3]), words)
    thirds = [third == number for number in range(3) if (third == number).any()]
    return {f"{words[rows].min()} to {words[rows].max()} words": rows for rows in thirds}


def _bands(values: Floats, edges: Sequence[float] | Floats) -> list[tuple[str, Bools]]:
    """From each edge to below the next; the last band takes its end in."""
    band = np.digitize(values, edges[1:-1])
    return [(f"{edges[place]:g} to {edges[place + 1]:g}", band == place) for place in range(len(edges) - 1)]


def _part(scored: Scored, name: str, rows: Bools) -> Part:
    return Part(**_figures(scored, name, rows))


def _band(scored: Scored, name: str, rows: Bools) -> Band:
    columns = {"gold": scored.gold, "predicted": scored.predicted}
    columns |= {f"{key}_rank": _ranks(values) for key, values in columns.items()}
    means: dict[str, Any] = {key: float(values[rows].mean()) if rows.any() else None for key, values in columns.items()}
    return Band(**_figures(scored, name, rows), **means)


def _figures(scored: Scored, name: str, rows: Bools) -> dict[str, Any]:
    """The fields of a Part."""
    if rows.sum() < FEWEST:
        keys = ("pearson", "spearman", "baseline_pearson", "baseline_spearman", "difference")
        return {"name": name, "n": int(rows.sum()), **dict.fromkeys(keys), "ci95": (None, None)}
    gold, both = scored.gold[rows], {"model": scored.predicted[rows], "baseline": scored.baseline[rows]}
    found = figures(both, gold)
    together = clusters(*sentences_of(scored.table))[rows]
    [gap] = against("model", both, Correlation(gold, together), scored.kind, seed=scored.seed)
    baseline = {key: found[key] for key in ("baseline_pearson", "baseline_spearman")}
    ours = {kind: found[f"model_{kind}"] for kind in ("pearson", "spearman")}
    return {"name": name, "n": len(gold), **ours, **baseline, "difference": gap.difference, "ci95": (gap.low, gap.high)}


def _worst(scored: Scored) -> list[Pair]:
    ranks = {"gold_rank": _ranks(scored.gold), "predicted_rank": _ranks(scored.predicted)}
    gaps = np.abs(ranks["gold_rank"] - ranks["predicted_rank"])
    # rounded, so that ties stand in the order of the files
    order = np.argsort(-gaps.round(12), kind="stable")[:WORST]
    rows = scored.table.take(pa.array(order)).to_pylist()
    more: list[dict[str, Any]] = [{name: float(column[place]) for name, column in ranks.items()} for place in order]
    return [
        Pair(**row, predicted=float(scored.predicted[place]), **rank)
        for row, place, rank in zip(rows, order, more, strict=True)
    ]


def _ranks(values: Floats) -> Floats:
    """Ranks from 0 to 1, equal values sharing theirs."""
    ranks: Floats = (rankdata(values) - 1) / max(1, len(values) - 1)
    return ranks
