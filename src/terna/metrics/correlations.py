"""How well scores agree with people's: Pearson and Spearman, over all and by file, with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from terna.arrays import Bools, Floats, Ints
from terna.errors import DataError
from terna.metrics.bootstrap import bounds, draws, weighted
from terna.sentences import fold

Scores = Mapping[str, Floats]

# scores that differ by less than this share of their size differ by rounding alone
ROUNDING = 1e-12


def figures(scores: Scores, gold: Floats) -> dict[str, float | None]:
    """Pearson and Spearman of each kind of scores with `gold`: `<name>_pearson`, then `<name>_spearman`.

    scores: name → (n,); gold: (n,). Both figures are None where the scores or the gold are constant. Raises DataError
    for fewer than two pairs, unequal lengths or a value that is not finite.
    """
    each_row_once = np.ones((len(gold), 1))
    found = weighted(*checked(scores, gold), each_row_once)
    return {name: None if np.isnan(value[0]) else float(value[0]) for name, value in found.items()}


def summary(scores: Scores, gold: Floats, files: Sequence[str]) -> dict[str, Any]:
    """The figures over all pairs, of each file, and their mean over the files, as metrics/sts.json holds them.

    files: the file of each pair; they are listed by first appearance. The mean weights a file by its number of pairs,
    as SemEval ranks systems, and is None where a file's figure is. Raises DataError as `figures` does, for each file.
    """
    if len(files) != len(gold):
        raise DataError(f"{len(files)} files for {len(gold)} gold scores: each pair needs one of each")
    overall = figures(scores, gold)
    named = np.array(files)
    parts = {file: _part(scores, gold, named == file, file) for file in dict.fromkeys(files)}
    mean = {name: _mean(name, list(parts.values())) for name in overall}
    return {"n": len(gold), **overall, "by_file": parts, "weighted_mean": mean}


def clusters(left: Sequence[str], right: Sequence[str]) -> Ints:
    """A number for each pair of sentences, (n,), by first appearance; equal unordered pairs share theirs.

    Texts are equal after `fold`. Raises DataError for unequal lengths.
    """
    if len(left) != len(right):
        raise DataError(f"{len(left)} first and {len(right)} second sentences: each pair needs both")
    pairs = [tuple(sorted(map(fold, pair))) for pair in zip(left, right, strict=True)]
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
    return np.array([numbers[pair] for pair in pairs], np.int64)


def intervals(
    scores: Scores, gold: Floats, clusters: Ints, *, seed: int, resamples: int = 10_000, level: float = 0.95
) -> dict[str, list[float | None]]:
    """The percentile bootstrap interval [low, high] of each figure, from resampling clusters with replacement.

    scores: name → (n,); gold, clusters: (n,). A drawn cluster brings all its rows, so that a repeated pair does not
    count as several independent ones; each resample is ranked anew. Resamples where a figure is undefined are left
    out, and where it is undefined in all the bounds are None. Raises DataError as `figures` does.
    Method: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if len(clusters) != len(gold):
        raise DataError(f"{len(clusters)} cluster numbers for {len(gold)} gold scores: each pair needs one of each")
    columns, target = checked(scores, gold)
    chunks = [weighted(columns, target, counts) for counts in draws(clusters, np.random.default_rng(seed), resamples)]
    resampled = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return {name: bounds(found, ((1 - level) / 2, (1 + level) / 2)) for name, found in resampled.items()}


def _part(scores: Scores, gold: Floats, rows: Bools, file: str) -> dict[str, Any]:
    try:
        found = figures({name: values[rows] for name, values in scores.items()}, gold[rows])
    except DataError as error:
        raise DataError(f"file {file}: {error}") from error
    return {"n": int(rows.sum()), **found}


def _mean(name: str, parts: Sequence[Mapping[str, Any]]) -> float | None:
    if any(part[name] is None for part in parts):
        return None
    return float(np.average([part[name] for part in parts], weights=[part["n"] for part in parts]))


def checked(scores: Scores, gold: Floats) -> tuple[dict[str, Floats], Floats]:
    """The scores and the gold in float64, checked, with rounding noise taken out of constant ones."""
    if len(gold) < 2:
        raise DataError(f"{len(gold)} scored pairs: a correlation needs at least 2")
    for name, values in scores.items():
        if len(values) != len(gold):
            raise DataError(f"{name}: {len(values)} scores for {len(gold)} gold scores: each pair needs one of each")
    return {name: _column(name, values) for name, values in scores.items()}, _column("gold", gold)


def _column(name: str, values: Floats) -> Floats:
    values = np.asarray(values, np.float64)
    if faults := int((~np.isfinite(values)).sum()):
        raise DataError(f"{name}: {faults} of {len(values)} values are not finite; did the model diverge?")
    # a collapsed encoder gives cosines of 1 that differ in their last bits: that is constant
    constant = np.ptp(values) <= ROUNDING * np.abs(values).max()
    return np.zeros_like(values) if constant else values
