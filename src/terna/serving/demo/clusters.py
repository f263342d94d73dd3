"""Sentence vectors → groups, and a plane to see them on."""

from dataclasses import dataclass
from http import HTTPStatus

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from terna.arrays import Bools, Floats, Ints, Vectors
from terna.metrics.similarity import unit
from terna.serving.demo.refused import Refused

SEED = 0
# times that k-means begins again; the best counts
STARTS = 10
# as many groups as are tried where none are asked for
MOST = 8
# decimals of a coordinate beyond which two vectors of equal tokens may differ by rounding
DECIMALS = 6


@dataclass(frozen=True)
class Grouping:
    """Groups of n sentences, numbered in the order of their first sentences.

    groups: (n,). middles: of each group the sentence nearest to its centre. points: (n, 2), the first two principal
    components. shown: the share of the variance that lies in them.
    """

    groups: Ints
    middles: list[int]
    points: Floats
    shown: float


def grouped(vectors: Vectors, k: int | None) -> Grouping:
    """k-means on the vectors' directions (n, dimension), so that near means a high cosine.

    k: None for the number, from 2 to MOST, whose silhouette is highest; one group where fewer than three vectors
    differ. The same input gives the same groups. Raises Refused where k is more than the vectors that differ.
    """
    units = _directions(vectors)
    distinct = len(np.unique(units, axis=0))
    if k is not None and k > distinct:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "error_distinct", k=k, distinct=distinct)
    labels = _ordered(_fitted(units, k) if k else _suited(units, distinct))
    points, shown = _plane(units, distinct)
    return Grouping(labels, [_middle(units, labels == label) for label in range(labels.max() + 1)], points, shown)


def _directions(vectors: Vectors) -> Floats:
    directions: Floats = np.round(unit(np.asarray(vectors, np.float64)), DECIMALS)
    return directions


def _fitted(units: Floats, k: int) -> Ints:
    return np.asarray(KMeans(k, n_init=STARTS, random_state=SEED).fit_predict(units), np.int64)


def _suited(units: Floats, distinct: int) -> Ints:
    """The grouping with the highest silhouette; of equals that with the fewest groups."""
    if distinct < 3:
        return np.zeros(len(units), np.int64)
    tried = [_fitted(units, k) for k in range(2, min(MOST, distinct - 1) + 1)]
    return max(tried, key=lambda labels: float(silhouette_score(units, labels)))


def _ordered(labels: Ints) -> Ints:
    """The same groups, numbered from 0 in the order of their first sentences."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([numbers[label] for label in labels.tolist()])


def _plane(units: Floats, distinct: int) -> tuple[Floats, float]:
    points = np.zeros((len(units), 2))
    if distinct == 1:  # no variance to share out
        return points, 1.0
    axes = PCA(min(2, *units.shape), svd_solver="full")
    found = axes.fit_transform(units)
    points[:, : found.shape[1]] = found
    return points, float(axes.explained_variance_ratio_.sum())


def _middle(units: Floats, members: Bools) -> int:
    distances = np.linalg.norm(units - units[members].mean(axis=0), axis=1)
    return int(np.where(members, distances, np.inf).argmin())
