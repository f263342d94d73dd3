"""Dropout whose random numbers cost a sixth on a CPU: 16 random bits for each value, where torch draws a number each.

The probability is rounded to a multiple of 1/65,536 and what is kept is scaled by the exact inverse, so that the mean
stays what it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from terna.settings.plain_mode import is_plain

LEVELS = 1 << 16
# None: torch's own, which all threads share
_SOURCE: ContextVar[torch.Generator | None] = ContextVar("source", default=None)


@contextmanager
def drawn_from(seed: int | None) -> Iterator[None]:
    """Within it, `dropout` draws on a CPU what follows from `seed` alone; None: from torch's own generator."""
    token = _SOURCE.set(None if seed is None else torch.Generator().manual_seed(seed))
    try:
        yield
    finally:
        _SOURCE.reset(token)


def dropout(values: Tensor, probability: float) -> Tensor:
    """`values` with a share set to zero and the rest scaled up; torch's own anywhere but on a CPU."""
    level = round(probability * LEVELS)
    if values.device.type != "cpu" or not 0 < level < LEVELS:
        return nn.functional.dropout(values, probability)
    dropped: Tensor = _Dropout.apply(values, level, _SOURCE.get())  # type: ignore[no-untyped-call]
    return dropped


def replace_dropout(network: nn.Module) -> None:
    """Let every Dropout within `network` draw as `dropout` does; with TERNA_PLAIN=1 they stay torch's own."""
    if is_plain():
        return
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p))


class Dropout(nn.Dropout):
    """nn.Dropout by way of `dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Values of any shape, dropped while training."""
        return dropout(input, self.p) if self.training else input


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, level: int, source: torch.Generator | None) -> Tensor:
        # signed, so that all 64 bits are random; four values share a draw
        bits = torch.empty(-(-values.numel() // 4), dtype=torch.int64)
        bits = bits.random_(-(2**63), None, generator=source).view(torch.int16)
        keep = (bits[: values.numel()] >= level - LEVELS // 2).view(values.shape)
        ctx.scale = LEVELS / (LEVELS - level)
        ctx.save_for_backward(keep)
        return values.mul(keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (keep,) = ctx.saved_tensors
        return gradients[0].mul(keep).mul_(ctx.scale), None, None
