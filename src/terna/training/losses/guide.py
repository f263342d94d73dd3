"""False negatives by a guide: what a frozen encoder finds nearer to an anchor than its positive."""

from collections.abc import Sequence

import torch
from torch import Tensor

from terna.settings import Guide
from terna.training.losses.ranking import contrasts
from terna.training.losses.vectors import cosines


def contrasted(guide: Guide | None) -> list[int]:
    """The columns, 0 the anchors, 1 the positives, whose texts are compared with each other; none without a guide."""
    asked = (guide.contrast_anchors, guide.contrast_positives) if guide else ()
    return [column for column, each in enumerate(asked) if each]


def guided(
    anchors: Tensor,
    positives: Tensor,
    *negatives: Tensor,
    offset: int = 0,
    all_anchors: Tensor,
    margin: float = 0.0,
    relative: bool = False,
    contrast: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """Bool (B, c N) and (B, N): what is no wrong answer to an anchor, and which anchors are none to its positive.

    The arguments are the guide's vectors, (., e), of what `ranking_loss` gets, and the results are its `known` and
    `known_anchors`. A cosine above that of anchor and positive, less `margin` or with `relative` less such a share of
    its size, is too high for a wrong answer.

    Source: Solatorio, GISTEmbed: Guided In-sample Selection of Training Negatives, 2024, section 3.
    """
    own = positives[offset : offset + len(anchors)]
    beside = contrasts(anchors, positives, all_anchors, offset, contrast)
    # autocast would compute the cosines in half precision
    with torch.autocast(anchors.device.type, enabled=False):
        similarities = cosines(anchors, torch.cat([positives, *negatives]))
        places = torch.arange(offset, offset + len(anchors), device=anchors.device)
        true = similarities.gather(1, places[:, None])
        limit = true - (true.abs() * margin if relative else margin)
        found = [similarities, *(cosines(queries, others) for queries, others in beside)]
        return torch.cat(found, dim=1) > limit, cosines(own, all_anchors) > limit


def either(*masks: Tensor | None) -> Tensor | None:
    """True where one of the masks is; None where there is none."""
    given: Sequence[Tensor] = [mask for mask in masks if mask is not None]
    return torch.stack([*given]).any(dim=0) if given else None
