"""The ranking loss: sentence-transformers' value and gradients, finite differences, and float32 at least."""

import pytest
import torch
from loss_inputs import embeddings
from sentence_transformers.sentence_transformer.losses import (
    MultipleNegativesRankingLoss,
    MultipleNegativesSymmetricRankingLoss,
)
from torch import Tensor

from terna.errors import DataError
from terna.training.losses.ranking import ranking_loss


def ours(columns: list[Tensor], scale: float, symmetric: bool) -> Tensor:
    return ranking_loss(*columns, scale=scale, symmetric=symmetric)


def neighbours(columns: list[Tensor], scale: float, symmetric: bool) -> Tensor:
    """Their loss takes a model for its embeddings alone: here they are given."""
    model = torch.nn.Identity()
    if symmetric:
        with pytest.warns(DeprecationWarning, match="MultipleNegativesSymmetricRankingLoss"):
            loss: MultipleNegativesRankingLoss = MultipleNegativesSymmetricRankingLoss(model, scale=scale)  # type: ignore[arg-type]
    else:
        loss = MultipleNegativesRankingLoss(model, scale=scale)  # type: ignore[arg-type]
    return loss.compute_loss_from_embeddings(columns, labels=torch.empty(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("scale", [1.0, 20.0])
@pytest.mark.parametrize("columns", [2, 3, 6])
def test_value_and_gradients_are_the_neighbours(
    columns: int, scale: float, symmetric: bool, dtype: torch.dtype
) -> None:
    mine, theirs = embeddings(columns, dtype), embeddings(columns, dtype)
    loss, expected = ours(mine, scale, symmetric), neighbours(theirs, scale, symmetric)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    gradients, their_gradients = torch.autograd.grad(loss, mine), torch.autograd.grad(expected, theirs)
    torch.testing.assert_close(gradients, their_gradients, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("columns", [2, 3, 5])
def test_gradients_are_the_finite_differences(columns: int, symmetric: bool) -> None:
    inputs = embeddings(columns, batch=4, dimension=3)
    assert torch.autograd.gradcheck(lambda *given: ours(list(given), 2.0, symmetric), inputs)


def test_the_value_by_hand() -> None:
    """Two orthogonal pairs, the negatives opposite: each anchor scores 1 with its own, 0, -1 and 0 with the others."""
    anchors = torch.eye(2)
    loss = ranking_loss(anchors, 3 * anchors, -anchors, scale=2.0)
    candidates = torch.tensor([2.0, 0.0, -2.0, 0.0])
    torch.testing.assert_close(loss, candidates.logsumexp(0) - 2.0)


def test_symmetric_ranks_the_anchors_alone_for_each_positive() -> None:
    """The negatives are in the one half of the mean, not in the other."""
    anchors, positives, negatives = embeddings(3)
    both = ranking_loss(anchors, positives, negatives, symmetric=True)
    halves = ranking_loss(anchors, positives, negatives), ranking_loss(positives, anchors)
    torch.testing.assert_close(both, (halves[0] + halves[1]) / 2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_upcast_before_the_cosine(dtype: torch.dtype) -> None:
    halves = embeddings(3, dtype)
    loss = ours(halves, 20.0, symmetric=True)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, ours([half.detach().float() for half in halves], 20.0, symmetric=True))


def test_autocast_does_not_reach_the_cosine() -> None:
    columns = embeddings(3, torch.float32)
    expected = ours(columns, 20.0, symmetric=False)
    with torch.autocast("cpu", torch.bfloat16):
        loss = ours(columns, 20.0, symmetric=False)
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 3), (5, 3), (4, 3)],
        [(4, 3), (4, 3), (4, 2)],
        [(4, 2), (4, 3), (4, 3)],
        [(4, 3), (4, 3), (5, 3)],
        [(5, 3), (4, 3), (4, 3)],
        [(4,), (4,), (4,)],
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(shapes: list[tuple[int, ...]]) -> None:
    anchors, positives, negatives = (torch.ones(shape) for shape in shapes)
    with pytest.raises(DataError, match="embeddings of shapes") as refusal:
        ranking_loss(anchors, positives, negatives)
    assert all(str(shape) in str(refusal.value) for shape in shapes)
