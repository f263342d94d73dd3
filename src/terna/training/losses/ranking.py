"""The in-batch-negatives ranking loss, in which every other text of the batch is a wrong answer."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from terna.errors import DataError
from terna.training.losses.vectors import at_least_float32, check_sizes


def ranking_loss(
    anchors: Tensor,
    positives: Tensor,
    *negatives: Tensor,
    scale: float = 20.0,
    symmetric: bool = False,
    known: Tensor | None = None,
    offset: int = 0,
    all_anchors: Tensor | None = None,
    known_anchors: Tensor | None = None,
    contrast: Sequence[int] = (),
    dimensions: Sequence[int] = (),
) -> Tensor:
    """Cross-entropy of each anchor's positive among all positives and all negatives, by scaled cosine.

    anchors: (B, d). positives and each of k negatives: (N, d), N >= B, the anchors' own from row `offset` on; so a
    process can rank its own anchors among the texts of all, and the mean over the processes is the loss of the whole
    batch. Without negatives the positives alone are ranked. known: bool (B, c N), True for a candidate that is no wrong
    answer to the anchor: it is left out of that anchor's softmax, its own positive never.

    contrast: with 0 an anchor's softmax has its cosines with the other anchors too, with 1 those of its own positive
    with the other positives; their columns of `known` come after the others, so that c is 1 + k + len(contrast).

    symmetric: the mean of that and of the cross-entropy of each own positive's anchor among all anchors, which are
    `all_anchors` (N, d) where N > B. known_anchors: bool (B, N), True for an anchor that is no wrong answer to the own
    positive; where N = B, it is `known` transposed.

    dimensions: the sum of the losses of the embeddings cut to their first k, for each k; none: the whole embeddings.

    The loss is a scalar, in float32 or better whatever the embeddings and autocast are. Raises DataError on shapes that
    do not fit each other.

    Sources: Henderson et al., Efficient Natural Language Response Suggestion for Smart Reply, 2017, section 4.4;
    Kusupati et al., Matryoshka Representation Learning, 2022, section 3, with all weights 1; for the contrasts
    Solatorio, GISTEmbed, 2024, section 3.
    """
    candidates = [positives, *negatives]
    everyone = anchors if all_anchors is None else all_anchors
    sizes = dimensions or anchors.shape[-1:]
    _check_embeddings(anchors, candidates, offset, sizes)
    beside = contrasts(anchors, positives, everyone, offset, contrast)
    _check_known("known", known, (len(anchors), len(positives) * (len(candidates) + len(beside))))
    if symmetric or 0 in contrast:
        _check_anchors(everyone, positives)
    # autocast would run the matrix product in half precision, where a scaled cosine has two or three digits
    with torch.autocast(anchors.device.type, enabled=False):
        forward = _ranked([(anchors, torch.cat(candidates)), *beside], known, offset, scale, sizes)
        if not symmetric:
            return forward
        known_anchors = _turned(known, len(anchors), len(positives)) if known_anchors is None else known_anchors
        _check_known("known_anchors", known_anchors, (len(anchors), len(positives)))
        own = positives[offset : offset + len(anchors)]
        return (forward + _ranked([(own, everyone)], known_anchors, offset, scale, sizes)) / 2


def contrasts(
    anchors: Tensor, positives: Tensor, everyone: Tensor, offset: int, contrast: Sequence[int]
) -> list[tuple[Tensor, Tensor]]:
    """What is compared beside anchors and candidates: 0 the own anchors with all, 1 the own positives with all."""
    pairs = (anchors, everyone), (positives[offset : offset + len(anchors)], positives)
    return [pairs[column] for column in contrast]


def _ranked(
    compared: Sequence[tuple[Tensor, Tensor]],
    known: Tensor | None,
    offset: int,
    scale: float,
    sizes: Sequence[int],
) -> Tensor:
    """The sum over sizes of the mean cross-entropy of query i's own candidate, offset + i.

    compared: the queries (B, d) and the candidates; then other pairs of the kind, whose cosines stand beside those. In
    these candidate offset + i is the query itself, and left out.
    """
    queries = compared[0][0]
    own = torch.arange(offset, offset + len(queries), device=queries.device)
    wrong = None if known is None else known.scatter(1, own[:, None], value=False)
    if len(compared) > 1:
        wrong = _selves(own, [len(candidates) for _, candidates in compared], wrong)
    compared = [(at_least_float32(queries), at_least_float32(candidates)) for queries, candidates in compared]
    losses = []
    for size in sizes:
        blocks = [
            scale * normalize(queries[:, :size], dim=1) @ normalize(candidates[:, :size], dim=1).T
            for queries, candidates in compared
        ]
        similarities = torch.cat(blocks, dim=1) if len(blocks) > 1 else blocks[0]
        if wrong is not None:
            similarities = similarities.masked_fill(wrong, -torch.inf)
        losses.append(cross_entropy(similarities, own))
    return torch.stack(losses).sum()


def _selves(own: Tensor, widths: Sequence[int], wrong: Tensor | None) -> Tensor:
    """`wrong`, with what each query is itself in every block but the first; widths: of the blocks."""
    masks = [torch.zeros(len(own), width, dtype=torch.bool, device=own.device) for width in widths]
    for mask in masks[1:]:
        mask.scatter_(1, own[:, None], value=True)
    every = torch.cat(masks, dim=1)
    return every if wrong is None else every | wrong


def _turned(known: Tensor | None, anchors: int, positives: int) -> Tensor | None:
    """Which anchors are no wrong answer to a positive: of the anchors that are here, `known` says it."""
    if known is not None and positives > anchors:
        raise DataError(
            f"known positives of {anchors} anchors, but {positives} to rank for each positive: give those of the "
            "others as known_anchors"
        )
    return None if known is None else known[:, :positives].T


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
    check_sizes(sizes, anchors.shape[1])


def _check_anchors(everyone: Tensor, positives: Tensor) -> None:
    if everyone.shape != positives.shape:
        raise DataError(
            f"{tuple(everyone.shape)} anchors for {tuple(positives.shape)} positives: the symmetric loss ranks the "
            "anchors of all processes for each positive; give them as all_anchors"
        )


def _check_known(name: str, known: Tensor | None, shape: tuple[int, int]) -> None:
    if known is not None and (tuple(known.shape) != shape or known.dtype != torch.bool):
        raise DataError(f"{name} is {known.dtype} of shape {tuple(known.shape)}: it must be bool of shape {shape}")
