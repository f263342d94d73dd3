"""What all losses ask of the vectors of a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from terna.errors import DataError


def at_least_float32(vectors: Tensor) -> Tensor:
    """The vectors in float32, or in their own type where that is wider."""
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def cosines(vectors: Tensor, others: Tensor) -> Tensor:
    """The cosine of each of the vectors (n, d) with each of the others (m, d), (n, m), in float32 or better."""
    return normalize(at_least_float32(vectors), dim=1) @ normalize(at_least_float32(others), dim=1).T


def check_sizes(sizes: Sequence[int], dimension: int) -> None:
    """Raise DataError when vectors of `dimension` numbers cannot be cut to each of the sizes."""
    if not all(0 < size <= dimension for size in sizes):
        raise DataError(
            f"train.matryoshka: {list(sizes)}, but a sentence vector has {dimension} dimensions; "
            "each must be from 1 to that"
        )


def check_pairs(first: Tensor, second: Tensor, labels: Tensor, name: str) -> None:
    """Raise DataError unless there are as many second vectors (B, d) as first ones, and a label (B,) for each pair."""
    shapes = f"{tuple(first.shape)}, {tuple(second.shape)}"
    if first.ndim != 2 or first.shape[1:] != second.shape[1:]:
        raise DataError(
            f"embeddings of shapes {shapes} in one loss: each must be (batch, dimension), the same for both"
        )
    if labels.shape != first.shape[:1] or first.shape != second.shape:
        raise DataError(f"{tuple(labels.shape)} {name} for embeddings of shapes {shapes}: each pair needs one")
