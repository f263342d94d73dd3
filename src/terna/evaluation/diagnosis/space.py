"""How sentence vectors lie in space: anisotropy, alignment, uniformity."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from terna.arrays import Floats
from terna.evaluation.diagnosis.record import Space
from terna.metrics.similarity import unit
from terna.sentences import fold

# rows whose products with all others are held at a time
BLOCK = 512


def spread(
    first: Sequence[str], second: Sequence[str], vectors: ArrayLike, gold: Floats, scale: Sequence[float]
) -> Space:
    """The figures of a benchmark's vectors.

    vectors: (2n, d), those of the n first sentences, then of the second. gold: (n,). scale: its lowest and highest
    score. All distinct pairs of distinct sentences (after `fold`) count, so nothing is drawn at random.
    Sources: Ethayarajh, How Contextual are Contextualized Word Representations?, 2019 (anisotropy); Wang & Isola,
    Understanding Contrastive Representation Learning through Alignment and Uniformity, 2020, with α = 2 and t = 2.
    """
    units = unit(np.asarray(vectors, np.float64))
    places = {fold(text): place for place, text in reversed([*enumerate([*first, *second])])}
    alone = units[sorted(places.values())]
    close = gold >= scale[0] + 0.8 * (scale[1] - scale[0])
    distances = ((units[: len(gold)] - units[len(gold) :])[close] ** 2).sum(axis=1)
    return Space(
        sentences=len(alone),
        anisotropy=_anisotropy(alone) if len(alone) > 1 else None,
        close=int(close.sum()),
        alignment=float(distances.mean()) if len(distances) else None,
        uniformity=_uniformity(alone) if len(alone) > 1 else None,
    )


def _anisotropy(units: Floats) -> float:
    """The mean product of two distinct rows, from the length of their sum."""
    total = units.sum(axis=0)
    pairs = len(units) * (len(units) - 1)
    return float((total @ total - (units**2).sum()) / pairs)


def _uniformity(units: Floats) -> float:
    """The log of the mean of exp(-2 |x - y|²) over distinct rows x and y."""
    lengths, potential = (units**2).sum(axis=1), 0.0
    for start in range(0, len(units), BLOCK):
        rows = slice(start, start + BLOCK)
        distances = lengths[rows, None] + lengths[None, :] - 2 * units[rows] @ units.T
        potential += float(np.exp(-2 * distances.clip(min=0)).sum())
    # every row was also compared with itself, at distance 0
    return float(np.log((potential - len(units)) / (len(units) * (len(units) - 1))))
