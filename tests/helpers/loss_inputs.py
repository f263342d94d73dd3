"""Embeddings to try the loss on."""

import torch
from torch import Tensor


def embeddings(columns: int, dtype: torch.dtype = torch.float64, batch: int = 7, dimension: int = 5) -> list[Tensor]:
    """Leaves that take gradients, none of unit length."""
    generator = torch.Generator().manual_seed(3)
    drawn = torch.randn(columns, batch, dimension, generator=generator, dtype=torch.float64)
    return [column.mul(1.7).to(dtype).requires_grad_() for column in drawn]
