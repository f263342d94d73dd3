"""What the optimizer steps on: which parameters decay, and at which rate each layer learns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from terna.errors import ModelError


def parameter_groups(
    encoder: nn.Module, weight_decay: float, *, lr: float, layer_decay: float = 1.0, beside: Iterable[nn.Parameter] = ()
) -> list[dict[str, Any]]:
    """Trainable parameters in groups for AdamW, each with its `lr` and its `weight_decay`.

    Decay is on all but biases and norms (those are the vectors). What follows the layers and the topmost layer learn
    at `lr`, each layer below at `layer_decay` times the one above, the embeddings at that times the lowest layer's.
    The first group has the full rate; at layer_decay 1 there are two groups, with and without decay. beside: what is
    trained beside the encoder, at the full rate. Raises ModelError when layers are to differ and it is not plain which
    modules they are.

    Source: Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, 2018, section 3.2.
    """
    depths = dict.fromkeys(encoder.parameters(), 0) if layer_decay == 1.0 else _depths(encoder)
    depths |= dict.fromkeys(beside, 0)
    groups = []
    for depth in sorted(set(depths.values())):
        own = [parameter for parameter, found in depths.items() if found == depth and parameter.requires_grad]
        rate = lr * layer_decay**depth
        for parameters, decay in (
            ([parameter for parameter in own if parameter.ndim > 1], weight_decay),
            ([parameter for parameter in own if parameter.ndim <= 1], 0.0),
        ):
            groups.append({"params": parameters, "weight_decay": decay, "lr": rate})
    return [group for group in groups if group["params"]]


def warmup_linear(
    optimizer: Optimizer, steps: Sequence[int], warmup: float, peaks: Sequence[float] | None = None
) -> LambdaLR:
    """The rate climbs for a share `warmup` of a phase's steps, then falls to 0 at its end; and so for each phase.

    steps: of each phase. peaks: the highest rate of each, as a share of the optimizer's; None: 1 of all.
    """
    ends = np.cumsum(steps)

    def share(step: int) -> float:
        number = min(int(np.searchsorted(ends, step, side="right")), len(steps) - 1)
        whole, done = steps[number], step - int(ends[number]) + steps[number]
        climb = round(warmup * whole)
        part = done / max(1, climb) if done < climb else max(0.0, (whole - done) / max(1, whole - climb))
        return part * peaks[number] if peaks else part

    return LambdaLR(optimizer, share)


def _depths(encoder: nn.Module) -> dict[nn.Parameter, int]:
    """How many layers stand above each parameter: 0 in the topmost, as many as there are layers in the embeddings."""
    layers = layers_of(encoder, "train.layer_decay", "1.0")
    inside = {parameter: depth for depth, layer in enumerate(reversed(layers)) for parameter in layer.parameters()}
    # embeddings that a model looks up between its layers (MPNet's relative positions) stand behind them
    looked_up = {
        parameter
        for module in encoder.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    depths, reached = {}, False
    for parameter in encoder.parameters():  # in the order of the modules: embeddings, layers, head
        reached = reached or parameter in inside
        outside = 0 if reached and parameter not in looked_up else len(layers)
        depths[parameter] = inside.get(parameter, outside)
    return depths


def layers_of(encoder: nn.Module, key: str, off: str) -> nn.ModuleList:
    """The one longest list of modules of one kind, lowest layer first.

    Raises ModelError where there is none or there are several. key, off: the setting that asks, and what turns it off.
    """
    lists = [found for found in _lists(encoder) if len({type(layer) for layer in found}) == 1]
    longest = [found for found in lists if len(found) == max(map(len, lists))]
    if len(longest) != 1:
        raise ModelError(
            f"{key}: the backbone has {len(longest) or 'no'} lists of modules that may be its layers, "
            f"where one is needed; set it to {off}"
        )
    return longest[0]


def _lists(module: nn.Module) -> Iterator[nn.ModuleList]:
    """Lists of modules, less those within another: an expert is no layer."""
    for child in module.children():
        if isinstance(child, nn.ModuleList):
            yield child
        else:
            yield from _lists(child)
