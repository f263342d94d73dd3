"""CoSENT and AnglE: sentence-transformers' value and gradients, a loop over all pairs, and float32 at least."""

import math
from collections.abc import Callable

import pytest
import torch
from loss_inputs import embeddings
from sentence_transformers.sentence_transformer.losses import AnglELoss, CoSENTLoss

from terna.errors import DataError
from terna.training.losses.scores import angle_loss, cosent_loss

SCORES = [0.8, 0.2, 0.2, 1.0, 0.0, 0.4, 0.6, 0.2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 20.0])
@pytest.mark.parametrize("dimension", [5, 6])
@pytest.mark.parametrize(("ours", "neighbour"), [(cosent_loss, CoSENTLoss), (angle_loss, AnglELoss)])
def test_value_and_gradients_are_the_neighbours(
    ours: Callable[..., torch.Tensor],
    neighbour: type[CoSENTLoss],
    dimension: int,
    scale: float,
    dtype: torch.dtype,
) -> None:
    mine, theirs = (embeddings(2, dtype, dimension=dimension) for _ in range(2))
    scores = torch.tensor(SCORES, dtype=torch.float32).repeat(4)[: len(mine[0])]
    loss = ours(*mine, scores, scale=scale)
    expected = neighbour(torch.nn.Identity(), scale=scale).compute_loss_from_embeddings(theirs, scores)  # type: ignore[arg-type]
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    gradients, their_gradients = torch.autograd.grad(loss, mine), torch.autograd.grad(expected, theirs)
    torch.testing.assert_close(gradients, their_gradients, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dimensions", [(), (3, 8)])
def test_the_value_is_that_of_a_loop_over_all_pairs_of_pairs_of_each_size(dimensions: tuple[int, ...]) -> None:
    first, second = (each.detach() for each in embeddings(2, torch.float64, batch=8, dimension=8))
    expected = 0.0
    for size in dimensions or (8,):
        cosines = torch.nn.functional.cosine_similarity(first[:, :size], second[:, :size]).tolist()
        terms = [math.exp(2 * (cosines[j] - cosines[i])) for i in range(8) for j in range(8) if SCORES[i] > SCORES[j]]
        expected += math.log(1 + sum(terms))
    found = cosent_loss(first, second, torch.tensor(SCORES), scale=2.0, dimensions=dimensions)
    assert found.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dimensions", [(), (3, 8)])
def test_angle_is_a_loop_with_the_products_of_complex_numbers(dimensions: tuple[int, ...]) -> None:
    first, second = (each.detach() for each in embeddings(2, torch.float64, batch=8, dimension=8))

    def similarity(one: torch.Tensor, other: torch.Tensor) -> float:
        halves = -(-len(one) // 2)
        numbers = [
            [complex(x, y) for x, y in zip(each[:halves].tolist(), [*each[halves:].tolist(), 0.0], strict=False)]
            for each in (one / one.norm(), other / other.norm())
        ]
        product = sum(a * b.conjugate() for a, b in zip(*numbers, strict=True))
        return abs(product.real + product.imag)

    expected = 0.0
    for size in dimensions or (8,):
        found = [similarity(first[i, :size], second[i, :size]) for i in range(8)]
        terms = [math.exp(2 * (found[j] - found[i])) for i in range(8) for j in range(8) if SCORES[i] > SCORES[j]]
        expected += math.log(1 + sum(terms))
    loss = angle_loss(first, second, torch.tensor(SCORES), scale=2.0, dimensions=dimensions)
    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_pairs_of_one_score_say_nothing() -> None:
    first, second = embeddings(2)
    loss = cosent_loss(first, second, torch.full((len(first),), 0.5))
    assert loss.item() == 0.0
    assert all(not gradient.any() for gradient in torch.autograd.grad(loss, [first, second]))


@pytest.mark.parametrize("ours", [cosent_loss, angle_loss])
def test_gradients_are_the_finite_differences(ours: Callable[..., torch.Tensor]) -> None:
    inputs = embeddings(2, batch=4, dimension=3)
    assert torch.autograd.gradcheck(lambda *given: ours(*given, torch.tensor(SCORES[:4]), scale=2.0), inputs)


@pytest.mark.parametrize("ours", [cosent_loss, angle_loss])
def test_it_is_computed_in_float32_whatever_the_embeddings_and_autocast_are(ours: Callable[..., torch.Tensor]) -> None:
    first, second = (each.detach().bfloat16() for each in embeddings(2, torch.float32))
    scores = torch.tensor(SCORES).repeat(4)[: len(first)]
    expected = ours(first.float(), second.float(), scores)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ours(first, second, scores)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 3), (4, 3), (3,)), r"\(3,\) scores for embeddings of shapes \(4, 3\), \(4, 3\)"),
        (((4, 3), (4, 3), (4, 1)), r"\(4, 1\) scores for embeddings"),
        (((4, 3), (5, 3), (4,)), r"\(4,\) scores for embeddings of shapes \(4, 3\), \(5, 3\)"),
        (((4, 3), (4, 2), (4,)), r"embeddings of shapes \(4, 3\), \(4, 2\) in one loss"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        cosent_loss(*(torch.ones(shape) for shape in shapes))


def test_a_size_that_the_embeddings_lack_is_refused() -> None:
    with pytest.raises(DataError, match=r"train\.matryoshka: \[4\], but a sentence vector has 3 dimensions"):
        cosent_loss(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2), dimensions=[4])
