"""The in-batch-negatives ranking loss, with hard negatives."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from terna.errors import DataError


def ranking_loss(
    anchors: Tensor, positives: Tensor, negatives: Tensor | None, *, scale: float = 20.0, symmetric: bool = False
) -> Tensor:
    """Cross-entropy of each anchor's cosines with all positives and all negatives, times `scale`, against its own.

    anchors, positives, negatives: (batch, dimension); negatives may be None, then the other positives alone are wrong
    answers. symmetric: average it with the cross-entropy that ranks the anchors for each positive. Half-precision
    input is computed in float32. Returns a scalar; raises DataError when the shapes differ.

    Source: Henderson et al. 2017, Efficient Natural Language Response Suggestion for Smart Reply, section 4.4.
    """
    columns = [anchors, positives, *([] if negatives is None else [negatives])]
    if len({column.shape for column in columns}) > 1 or anchors.ndim != 2:
        shapes = ", ".join(str(tuple(column.shape)) for column in columns)
        raise DataError(f"anchors, positives and negatives must be (batch, dimension) alike, found {shapes}")
    with torch.autocast(anchors.device.type, enabled=False):
        anchor, *others = (normalize(_full(column), dim=-1) for column in columns)
        cosines = scale * anchor @ torch.cat(others).T
        own = torch.arange(len(anchor), device=anchor.device)
        loss = cross_entropy(cosines, own)
        return (loss + cross_entropy(cosines[:, : len(anchor)].T, own)) / 2 if symmetric else loss


def _full(column: Tensor) -> Tensor:
    """Float32 or better."""
    return column if column.dtype == torch.float64 else column.float()
