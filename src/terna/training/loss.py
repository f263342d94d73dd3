"""The in-batch-negatives ranking loss, in which every other text of the batch is a wrong answer, and CoSENT."""

from collections.abc import Sequence

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
    known: Tensor | None = None,
    offset: int = 0,
    all_anchors: Tensor | None = None,
    known_anchors: Tensor | None = None,
    dimensions: Sequence[int] = (),
) -> Tensor:
    """Cross-entropy of each anchor's positive among all positives and all negatives, by scaled cosine.

    anchors: (B, d). positives, negatives: (N, d), N >= B, the anchors' own from row `offset` on; so a process can rank
    its own anchors among the texts of all, and the mean over the processes is the loss of the whole batch. Without
    negatives the positives alone are ranked. known: bool, (B, N) or with negatives (B, 2 N), True for a candidate that
    is no wrong answer to the anchor: it is left out of that anchor's softmax, its own positive never.

    symmetric: the mean of that and of the cross-entropy of each own positive's anchor among all anchors, which are
    `all_anchors` (N, d) where N > B. known_anchors: bool (B, N), True for an anchor that is no wrong answer to the own
    positive; where N = B, it is `known` transposed.

    dimensions: the sum of the losses of the embeddings cut to their first k, for each k; none: the whole embeddings.

    The loss is a scalar, in float32 or better whatever the embeddings and autocast are. Raises DataError on shapes that
    do not fit each other.

    Sources: Henderson et al., Efficient Natural Language Response Suggestion for Smart Reply, 2017, section 4.4;
    Kusupati et al., Matryoshka Representation Learning, 2022, section 3, with all weights 1.
    """
    candidates = [positives] if negatives is None else [positives, negatives]
    everyone = anchors if all_anchors is None else all_anchors
    sizes = dimensions or anchors.shape[-1:]
    _check_embeddings(anchors, candidates, offset, sizes)
    _check_known("known", known, (len(anchors), len(positives) * len(candidates)))
    # autocast would run the matrix product in half precision, where a scaled cosine has two or three digits
    with torch.autocast(anchors.device.type, enabled=False):
        forward = _ranked(anchors, torch.cat(candidates), known, offset, scale, sizes)
        if not symmetric:
            return forward
        _check_anchors(everyone, positives)
        known_anchors = _turned(known, len(anchors), len(positives)) if known_anchors is None else known_anchors
        _check_known("known_anchors", known_anchors, (len(anchors), len(positives)))
        own = positives[offset : offset + len(anchors)]
        return (forward + _ranked(own, everyone, known_anchors, offset, scale, sizes)) / 2


def cosent_loss(
    first: Tensor, second: Tensor, scores: Tensor, *, scale: float = 20.0, dimensions: Sequence[int] = ()
) -> Tensor:
    """CoSENT: log(1 + the sum of exp(scale (c_j - c_i)) over the pairs i and j where i has the higher score).

    first, second: (B, d); c_i is the cosine of pair i. scores: (B,). dimensions: the sum of the losses of the
    embeddings cut to their first k, for each k; none: the whole embeddings. The loss is a scalar, in float32 or better
    whatever the embeddings and autocast are. Raises DataError on shapes that do not fit each other.

    Source: Jianlin Su, CoSENT, 2022, https://kexue.fm/archives/8847.
    """
    sizes = dimensions or first.shape[-1:]
    _check_embeddings(first, [second], 0, sizes)
    if scores.shape != first.shape[:1] or first.shape != second.shape:
        raise DataError(
            f"{tuple(scores.shape)} scores for embeddings of shapes {tuple(first.shape)}, {tuple(second.shape)}: each "
            "pair needs one"
        )
    higher = scores[:, None] > scores[None, :]
    with torch.autocast(first.device.type, enabled=False):
        first, second = _at_least_float32(first), _at_least_float32(second)
        losses = []
        for size in sizes:
            cosines = scale * (normalize(first[:, :size], dim=1) * normalize(second[:, :size], dim=1)).sum(1)
            wrong = (cosines[None, :] - cosines[:, None]).masked_fill(~higher, -torch.inf)
            losses.append(torch.cat([wrong.new_zeros(1), wrong.flatten()]).logsumexp(0))
        return torch.stack(losses).sum()


def _ranked(
    queries: Tensor, candidates: Tensor, known: Tensor | None, offset: int, scale: float, sizes: Sequence[int]
) -> Tensor:
    """The sum over sizes of the mean cross-entropy of query i's own candidate, offset + i."""
    own = torch.arange(offset, offset + len(queries), device=queries.device)
    wrong = None if known is None else known.scatter(1, own[:, None], value=False)
    queries, candidates = _at_least_float32(queries), _at_least_float32(candidates)
    losses = []
    for size in sizes:
        similarities = scale * normalize(queries[:, :size], dim=1) @ normalize(candidates[:, :size], dim=1).T
        if wrong is not None:
            similarities = similarities.masked_fill(wrong, -torch.inf)
        losses.append(cross_entropy(similarities, own))
    return torch.stack(losses).sum()


def _turned(known: Tensor | None, anchors: int, positives: int) -> Tensor | None:
    """Which anchors are no wrong answer to a positive: of the anchors that are here, `known` says it."""
    if known is not None and positives > anchors:
        raise DataError(
            f"known positives of {anchors} anchors, but {positives} to rank for each positive: give those of the "
            "others as known_anchors"
        )
    return None if known is None else known[:, :positives].T


def _at_least_float32(embeddings: Tensor) -> Tensor:
    return embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))


def _check_embeddings(anchors: Tensor, candidates: list[Tensor], offset: int, sizes: Sequence[int]) -> None:
    shapes = ", ".join(str(tuple(embeddings.shape)) for embeddings in [anchors, *candidates])
    alike = all(embeddings.shape == candidates[0].shape for embeddings in candidates)
    if anchors.ndim != 2 or not alike or candidates[0].shape[1:] != anchors.shape[1:]:
        raise DataError(
            f"embeddings of shapes {shapes} in one loss: each must be (batch, dimension), positives and negatives "
            "the same, the dimension the same for all"
        )
    if not 0 <= offset <= len(candidates[0]) - len(anchors):
        raise DataError(
            f"embeddings of shapes {shapes} in one loss: from positive {offset} on there is not one for each anchor"
        )
    if not all(0 < size <= anchors.shape[1] for size in sizes):
        raise DataError(
            f"train.matryoshka: {list(sizes)}, but a sentence vector has {anchors.shape[1]} dimensions; "
            "each must be from 1 to that"
        )


def _check_anchors(everyone: Tensor, positives: Tensor) -> None:
    if everyone.shape != positives.shape:
        raise DataError(
            f"{tuple(everyone.shape)} anchors for {tuple(positives.shape)} positives: the symmetric loss ranks the "
            "anchors of all processes for each positive; give them as all_anchors"
        )


def _check_known(name: str, known: Tensor | None, shape: tuple[int, int]) -> None:
    if known is not None and (tuple(known.shape) != shape or known.dtype != torch.bool):
        raise DataError(f"{name} is {known.dtype} of shape {tuple(known.shape)}: it must be bool of shape {shape}")
