"""The four similarities against sentence-transformers' pairwise functions."""

import numpy as np
import pytest
from sentence_transformers.util import (
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
)

from terna.errors import DataError
from terna.metrics.similarity import SIMILARITIES, crosswise, pairwise

NEIGHBOUR = {
    "cosine": pairwise_cos_sim,
    "euclidean": pairwise_euclidean_sim,
    "manhattan": pairwise_manhattan_sim,
    "dot": pairwise_dot_score,
}


def vectors(seed: int, rows: int = 40, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, size)), rng.normal(size=(rows, size))


def test_each_similarity_is_the_neighbours() -> None:
    left, right = vectors(0)
    found = pairwise(left, right)
    assert tuple(found) == SIMILARITIES == ("cosine", "euclidean", "manhattan", "dot")
    for name, values in found.items():
        np.testing.assert_allclose(values, NEIGHBOUR[name](left, right).numpy(), rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_sums_are_taken_in_float64_whatever_comes_in(dtype: type) -> None:
    left, right = (np.clip(30 * vector, -100, 100).astype(dtype) for vector in vectors(1, size=768))
    wide = pairwise(left.astype(np.float64), right.astype(np.float64))
    for name, values in pairwise(left, right).items():
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, wide[name])


def test_more_is_more_alike_under_cosine_and_both_distances() -> None:
    start = np.array([[1.0, 2.0]] * 3)
    further = np.array([[1.0, 2.0], [1.0, 3.0], [-2.0, 3.0]])
    found = pairwise(start, further)
    for name in ("cosine", "euclidean", "manhattan"):
        assert (np.diff(found[name]) < 0).all(), name
    assert found["euclidean"][0] == found["manhattan"][0] == 0


def test_the_cosine_with_a_zero_vector_is_zero_without_a_warning() -> None:
    left = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    right = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]])
    found = pairwise(left, right)
    np.testing.assert_allclose(found["cosine"], [0, 0, 1])
    np.testing.assert_allclose(found["manhattan"], [-3, 0, 0])


def test_no_pairs_have_no_similarities() -> None:
    found = pairwise(np.empty((0, 8)), np.empty((0, 8)))
    assert [values.shape for values in found.values()] == [(0,)] * 4


@pytest.mark.parametrize(
    "shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((1, 4), (3, 4)), ((4,), (4,)), ((2, 3, 4),) * 2]
)
def test_arrays_that_are_not_pairs_of_vectors_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(DataError, match=r"shapes \(.*\) and \(.*\)"):
        pairwise(*(np.ones(shape) for shape in shapes))


@pytest.mark.parametrize("measure", SIMILARITIES)
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1e-3, 1), (1e4, 1e6)])
def test_a_product_is_off_by_no_more_than_it_says(measure: str, scale: float, offset: float) -> None:
    left, right = (scale * each + offset for each in vectors(5, rows=30, size=300))
    left[0], right[1], right[2] = 0, 0, left[3]
    near, errors = crosswise(left, right, measure)
    exact = np.stack([pairwise(np.broadcast_to(row, right.shape), right)[measure] for row in left])
    assert near.shape == exact.shape and errors.shape == (30,)
    assert (np.abs(near - exact) <= errors[:, None]).all()
    if measure == "cosine":
        np.testing.assert_allclose(near, exact, atol=1e-12)
