"""Known positives, a batch over several processes, cut embeddings.

The last are compared with sentence-transformers' MatryoshkaLoss; the first two it has not, or only under a process
group: they are compared with loops in float64 and with the loss of the whole batch.
"""

import math
from collections.abc import Sequence

import pytest
import torch
from loss_inputs import embeddings
from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss
from torch import Tensor

from terna.errors import DataError
from terna.training.losses.ranking import ranking_loss


def by_loops(columns: list[Tensor], scale: float, wrong: Sequence[Sequence[bool]], *, backward: bool = False) -> float:
    """Sum over the rows of -log(exp(own) / sum of exp of what is not left out), a term at a time.

    wrong: which candidates are left out for each anchor; `backward` ranks the anchors for each positive.
    """
    anchors, positives = (column.tolist() for column in columns[:2])
    rows, choices = (positives, anchors) if backward else (anchors, [*positives, *columns[2].tolist()])
    total = 0.0
    for i, row in enumerate(rows):
        terms = {}
        for j, choice in enumerate(choices):
            left_out = wrong[j][i] if backward else wrong[i][j]
            if j == i or not left_out:
                dot = math.fsum(x * y for x, y in zip(row, choice, strict=True))
                terms[j] = math.exp(scale * dot / (math.hypot(*row) * math.hypot(*choice)))
        total -= math.log(terms[i] / math.fsum(terms.values()))
    return total


def random_mask(rows: int, columns: int, share: float = 0.3) -> Tensor:
    """Some known positives, an anchor's own among them now and then."""
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(5)) < share


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_known_positives_are_left_out_of_the_sum_and_the_own_never(scale: float, share: float) -> None:
    columns, known = embeddings(3), random_mask(7, 14, share)
    loss = ranking_loss(*columns, scale=scale, known=known)
    assert loss.item() == pytest.approx(by_loops(columns, scale, known.tolist()) / 7, rel=1e-12, abs=1e-12)
    both = ranking_loss(*columns, scale=scale, known=known, symmetric=True)
    expected = loss.item() + by_loops(columns, scale, known.tolist(), backward=True) / 7
    assert both.item() == pytest.approx(expected / 2, rel=1e-12, abs=1e-12)


def test_a_known_positive_gets_no_gradient_from_the_anchor_that_it_is_left_out_of() -> None:
    columns = embeddings(3)
    known = torch.ones(7, 14, dtype=torch.bool)
    known[0, 13] = False
    ranking_loss(*columns, known=known).backward()
    moved = columns[2].grad.abs().sum(1) > 0  # type: ignore[union-attr]
    assert moved.tolist() == [False] * 6 + [True]


@pytest.mark.parametrize("symmetric", [False, True])
def test_gradients_with_known_positives_are_the_finite_differences(symmetric: bool) -> None:
    inputs, known = embeddings(3, batch=4, dimension=3), random_mask(4, 8)
    assert torch.autograd.gradcheck(
        lambda *given: ranking_loss(*given, scale=2.0, symmetric=symmetric, known=known, dimensions=(2, 3)), inputs
    )


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_mean_over_processes_is_the_loss_and_the_gradient_of_the_whole_batch(symmetric: bool, masked: bool) -> None:
    whole, parts = embeddings(3, batch=8), embeddings(3, batch=8)
    known = random_mask(8, 16) if masked else None
    expected = ranking_loss(*whole, symmetric=symmetric, known=known)
    losses = []
    for offset in (0, 2, 4, 6):
        own = slice(offset, offset + 2)
        anchors, positives, negatives = parts
        losses.append(
            ranking_loss(
                anchors[own],
                positives,
                negatives,
                symmetric=symmetric,
                known=None if known is None else known[own],
                offset=offset,
                all_anchors=anchors,
                known_anchors=None if known is None else known[:, own].T,
            )
        )
    loss = torch.stack(losses).mean()
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(loss, parts), torch.autograd.grad(expected, whole), rtol=1e-12, atol=1e-12
    )


class Given(torch.nn.Module):
    """A model whose sentence embeddings are given: all that MatryoshkaLoss and the loss in it see."""

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["given"]}

    def get_embedding_dimension(self) -> int:
        return 5


@pytest.mark.parametrize("dimensions", [(5,), (2, 5), (1, 3, 4, 5)])
def test_the_loss_of_cut_embeddings_and_its_gradients_are_the_neighbours(dimensions: tuple[int, ...]) -> None:
    mine, theirs = embeddings(3), embeddings(3)
    loss = ranking_loss(*mine, scale=20.0, dimensions=dimensions)
    model = Given()
    inner = MultipleNegativesRankingLoss(model, scale=20.0)  # type: ignore[arg-type]
    neighbour = MatryoshkaLoss(model, inner, list(dimensions))  # type: ignore[arg-type]
    expected = neighbour([{"given": column} for column in theirs], torch.empty(0))
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        torch.autograd.grad(loss, mine), torch.autograd.grad(expected, theirs), rtol=1e-9, atol=1e-9
    )


def test_no_dimensions_are_the_whole_embeddings() -> None:
    columns = embeddings(3)
    assert ranking_loss(*columns).item() == ranking_loss(*columns, dimensions=(5,)).item()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimensions": (2, 6)}, r"train\.matryoshka: \[2, 6\], but a sentence vector has 5 dimensions"),
        ({"dimensions": (0,)}, r"train\.matryoshka: \[0\]"),
        ({"offset": 1}, "from positive 1 on there is not one for each anchor"),
        ({"offset": -1}, "from positive -1 on"),
        ({"known": torch.zeros(7, 7, dtype=torch.bool)}, r"known is torch.bool of shape \(7, 7\): .* \(7, 14\)"),
        ({"known": torch.zeros(7, 14)}, "known is torch.float32"),
        ({"symmetric": True, "known_anchors": torch.zeros(7, 6, dtype=torch.bool)}, r"known_anchors is .* \(7, 7\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ranking_loss(*embeddings(3), **settings)  # type: ignore[arg-type]


def test_a_symmetric_loss_over_processes_needs_what_belongs_to_the_others() -> None:
    anchors, positives, negatives = embeddings(3)
    known = random_mask(3, 14)
    with pytest.raises(DataError, match="give them as all_anchors"):
        ranking_loss(anchors[:3], positives, negatives, symmetric=True)
    with pytest.raises(DataError, match="give those of the others as known_anchors"):
        ranking_loss(anchors[:3], positives, negatives, symmetric=True, known=known, all_anchors=anchors)
