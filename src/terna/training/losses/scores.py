"""The losses of scored pairs: CoSENT and AnglE, which order the pairs of a batch by two similarities."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from terna.training.losses.vectors import at_least_float32, check_pairs, check_sizes


def cosent_loss(
    first: Tensor, second: Tensor, scores: Tensor, *, scale: float = 20.0, dimensions: Sequence[int] = ()
) -> Tensor:
    """CoSENT: log(1 + the sum of exp(scale (c_j - c_i)) over the pairs i and j where i has the higher score).

    first, second: (B, d); c_i is the cosine of pair i. scores: (B,). dimensions: the sum of the losses of the
    embeddings cut to their first k, for each k; none: the whole embeddings. The loss is a scalar, in float32 or better
    whatever the embeddings and autocast are. Raises DataError on shapes that do not fit each other.

    Source: Jianlin Su, CoSENT, 2022, https://kexue.fm/archives/8847.
    """
    return _ordered(_cosines, first, second, scores, scale, dimensions)


def angle_loss(
    first: Tensor, second: Tensor, scores: Tensor, *, scale: float = 20.0, dimensions: Sequence[int] = ()
) -> Tensor:
    """AnglE: as `cosent_loss`, with another similarity than the cosine, whose gradient vanishes near 1 and -1.

    The halves of a vector are the real and the imaginary parts of complex numbers; the similarity is the absolute value
    of the sum of the real and the imaginary part of the complex product of the two, which have length 1.

    Source: Li and Li, AoE: Angle-optimized Embeddings for Semantic Textual Similarity, 2024, in the order of its
    authors' code.
    """
    return _ordered(_angles, first, second, scores, scale, dimensions)


def _ordered(
    similarities: Callable[[Tensor, Tensor], Tensor],
    first: Tensor,
    second: Tensor,
    scores: Tensor,
    scale: float,
    dimensions: Sequence[int],
) -> Tensor:
    """The sum over sizes of log(1 + the sum of exp(scale (s_j - s_i)) where i has the higher score)."""
    sizes = dimensions or first.shape[-1:]
    check_pairs(first, second, scores, "scores")
    check_sizes(sizes, first.shape[1])
    higher = scores[:, None] > scores[None, :]
    # autocast would run products in half precision, where a scaled cosine has two or three digits
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first), at_least_float32(second)
        losses = []
        for size in sizes:
            found = scale * similarities(normalize(first[:, :size], dim=1), normalize(second[:, :size], dim=1))
            wrong = (found[None, :] - found[:, None]).masked_fill(~higher, -torch.inf)
            losses.append(torch.cat([wrong.new_zeros(1), wrong.flatten()]).logsumexp(0))
        return torch.stack(losses).sum()


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum(1)


def _angles(first: Tensor, second: Tensor) -> Tensor:
    odd = first.shape[1] % 2  # an odd width gets a zero, so that there are halves
    (real, imaginary), (other_real, other_imaginary) = (pad(each, (0, odd)).chunk(2, dim=1) for each in (first, second))
    sines = (imaginary * other_real - real * other_imaginary).sum(1)
    return (_cosines(first, second) + sines).abs()
