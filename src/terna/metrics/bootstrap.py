"""Correlations under many weightings of the same rows at once: a bootstrap without a loop over resamples."""

from collections.abc import Iterator, Mapping

import numpy as np

from terna.arrays import Floats, Ints

# cells of an array that a chunk of resamples works on: 2 MiB, and some ten such arrays live at a time
CELLS = 2**18


def draws(clusters: Ints, rng: np.random.Generator, resamples: int) -> Iterator[Floats]:
    """How often each row is in each resample when clusters are drawn with replacement: (n, resamples of a chunk) each.

    clusters: (n,). As many clusters are drawn as there are, and a drawn one brings all its rows; chunks are as large as
    CELLS allows, and how large does not change what is drawn.
    """
    present, cluster = np.unique(clusters, return_inverse=True)
    chance = np.full(len(present), 1 / len(present))
    step = max(1, CELLS // len(clusters))
    for start in range(0, resamples, step):
        drawn = rng.multinomial(len(present), chance, size=min(step, resamples - start))
        yield drawn.T.astype(np.float64, order="C")[cluster]


def weighted(scores: Mapping[str, Floats], gold: Floats, counts: Floats) -> dict[str, Floats]:
    """`<name>_pearson` and `<name>_spearman` of each kind of scores with `gold`, (resamples,) each.

    scores: name → (n,); gold: (n,); counts: (n, resamples), how often a row is in a resample. NaN where all scores or
    all gold of a resample are equal.
    """
    found: dict[str, Floats] = {}
    gold_ranks = _ranks(gold, counts)
    for name, values in scores.items():
        spearman = _correlation(_ranks(values, counts), gold_ranks, counts)
        pearson = _correlation(values[:, None], gold[:, None], counts)
        # sums of ranks are exact, so they alone distinguish a constant column from one that hardly varies
        found[f"{name}_pearson"] = np.where(np.isnan(spearman), np.nan, pearson)
        found[f"{name}_spearman"] = spearman
    return found


def bounds(resampled: Floats, tails: tuple[float, float] = (0.025, 0.975)) -> list[float | None]:
    """The percentile interval [low, high] of a figure's resamples, NaN left out; [None, None] where all are NaN."""
    defined = resampled[~np.isnan(resampled)]
    return [float(bound) for bound in np.quantile(defined, tails)] if len(defined) else [None, None]


def _correlation(left: Floats, right: Floats, counts: Floats) -> Floats:
    """Pearson's correlation in each resample, (resamples,); left, right: (n, resamples), or (n, 1) for all alike."""
    left, right = _centred(left, counts), _centred(right, counts)
    counted = counts * left
    spread = np.sqrt(_sum(counted, left) * _sum(counts, right**2))
    undefined = np.full_like(spread, np.nan)
    return np.clip(np.divide(_sum(counted, right), spread, out=undefined, where=spread > 0), -1, 1)


def _centred(values: Floats, counts: Floats) -> Floats:
    centred: Floats = values - _sum(counts, values) / counts.sum(axis=0)
    return centred


def _sum(left: Floats, right: Floats) -> Floats:
    """The sum of products of each column, without the array of products."""
    total: Floats = np.einsum("nr,nr->r", left, np.broadcast_to(right, left.shape))
    return total


def _ranks(values: Floats, counts: Floats) -> Floats:
    """The average rank of each row in each resample, (n, resamples), less the mean rank and doubled: whole numbers.

    Equal rows share the mean of the places they take, which follows from how many rows of the resample are below and
    how many are not above: the values are sorted once for all resamples.
    """
    _, group = np.unique(values, return_inverse=True)
    last = np.cumsum(np.bincount(group)) - 1
    upto = np.cumsum(counts[np.argsort(group, kind="stable")], axis=0)[last]
    below = np.concatenate([np.zeros_like(upto[:1]), upto[:-1]])
    ranks: Floats = (below + upto - upto[-1])[group]
    return ranks
