"""The in-batch-negatives ranking loss: every other text of the batch is a wrong answer."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from terna.errors import DataError


def ranking_loss(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor | None,
    *,
    scale: float = 20.0,
    symmetric: bool = False,
) -> Tensor:
    """Cross-entropy of each anchor's positive among all positives and all negatives, by scaled cosine.

    Anchors, positives and negatives are (B, d); without negatives the positives alone are ranked. `symmetric`: the mean
    of that and of the cross-entropy of each positive's anchor among all anchors. The loss is a scalar, in float32 or
    better whatever the embeddings and autocast are. Raises DataError on unequal shapes.

    Source: Henderson et al., Efficient Natural Language Response Suggestion for Smart Reply, 2017, section 4.4.
    """
    given = [anchors, positives] if negatives is None else [anchors, positives, negatives]
    if anchors.ndim != 2 or any(embeddings.shape != anchors.shape for embeddings in given):
        shapes = ", ".join(str(tuple(embeddings.shape)) for embeddings in given)
        raise DataError(f"embeddings of shapes {shapes} in one loss: each must be (batch, dimension), the same for all")
    # autocast would run the matrix product in half precision, where a scaled cosine has two or three digits
    with torch.autocast(anchors.device.type, enabled=False):
        units = [normalize(_at_least_float32(embeddings), dim=1) for embeddings in given]
        similarities = scale * units[0] @ torch.cat(units[1:]).T
        targets = torch.arange(len(anchors), device=anchors.device)
        forward = cross_entropy(similarities, targets)
        if not symmetric:
            return forward
        backward = cross_entropy(similarities[:, : len(anchors)].T, targets)
        return (forward + backward) / 2


def _at_least_float32(embeddings: Tensor) -> Tensor:
    return embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
