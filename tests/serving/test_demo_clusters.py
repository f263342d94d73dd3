"""The demo's groups and plane on vectors whose groups are known, against numpy's own decomposition."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

from terna.serving.demo.clusters import grouped
from terna.serving.demo.refused import Refused


def blobs(groups: list[int], spread: float = 0.05) -> np.ndarray:
    """A vector for each number, in the direction of its axis but for a little, and of any length."""
    draw = np.random.default_rng(3)
    found = np.eye(12)[groups] + spread * draw.standard_normal((len(groups), 12))
    return (found * draw.uniform(0.5, 20, (len(groups), 1))).astype(np.float32)


@pytest.mark.parametrize("true", [[2, 0, 1] * 5, [0, 1] * 6, [4, 3, 3, 2, 1, 0, 0, 4, 1, 2]])
@pytest.mark.parametrize("asked", [False, True])
def test_groups_that_are_plain_are_found_whatever_the_vectors_lengths(true: list[int], asked: bool) -> None:
    found = grouped(blobs(true), len(set(true)) if asked else None)
    assert adjusted_rand_score(true, found.groups) == 1
    # numbered in the order of their first sentences
    assert list(dict.fromkeys(found.groups.tolist())) == list(range(len(set(true))))


def test_the_middle_of_a_group_is_its_member_nearest_to_the_mean() -> None:
    vectors = blobs([0, 1, 0, 1, 0, 0, 1])  # of two, both are as near
    found = grouped(vectors, 2)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for group, middle in enumerate(found.middles):
        rows = [row for row in range(7) if found.groups[row] == group]
        far = {row: float(np.linalg.norm(units[row] - units[rows].mean(axis=0))) for row in rows}
        assert middle == min(far, key=far.__getitem__)


def test_the_plane_is_that_of_the_two_largest_singular_values() -> None:
    vectors = blobs([0, 1, 2, 0, 1, 2, 0], spread=0.3)
    found = grouped(vectors, 3)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    # the signs of the axes are free, distances are not
    np.testing.assert_allclose(pdist(found.points), pdist(left[:, :2] * values[:2]), atol=1e-4)
    assert found.shown == pytest.approx((values[:2] ** 2).sum() / (values**2).sum(), abs=1e-4)


@pytest.mark.parametrize(("count", "k"), [(1, None), (4, None), (4, 1)])
def test_equal_vectors_are_one_group_in_one_place(count: int, k: int | None) -> None:
    found = grouped(np.full((count, 5), 2, np.float32), k)
    assert (found.groups.tolist(), found.middles, found.shown) == ([0] * count, [0], 1.0)
    assert found.points.tolist() == [[0.0, 0.0]] * count


def test_two_vectors_are_one_group_unless_two_are_asked_for() -> None:
    vectors = blobs([0, 1])
    assert grouped(vectors, None).groups.tolist() == [0, 0]
    assert grouped(vectors, 2).groups.tolist() == [0, 1]
    assert grouped(np.array([[1.0], [-1.0]], np.float32), 2).points[:, 1].tolist() == [0, 0]


def test_more_groups_than_vectors_that_differ_are_refused() -> None:
    vectors = blobs([0, 1, 2])[[0, 1, 2, 1, 0]]
    assert grouped(vectors, 3).groups.tolist() == [0, 1, 2, 1, 0]
    with pytest.raises(Refused, match="4 groups are asked for, but only 3 sentences differ"):
        grouped(vectors, 4)
    # a zero vector has no direction, and is one that differs
    assert grouped(np.concatenate([vectors, np.zeros((1, 12), np.float32)]), 4).groups.tolist() == [0, 1, 2, 1, 0, 3]
