"""Attention within each sentence of a flat sequence: a stock transformers model computes no padding.

Registered with transformers' AttentionInterface and AttentionMaskInterface under NAME. On CUDA the variable-length
kernels that torch itself uses for nested tensors, which know dropout; elsewhere scaled dot products over the sentences
of one length together.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, softmax
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

from terna.encoder.dropout import dropout as drop
from terna.encoder.packing import Chunk
from terna.errors import ModelError

NAME = "terna_packed"
# the kinds of a layer's attention that are computed here; what others do would show in long texts alone
KINDS = {"full_attention", "sliding_attention"}
HALF = (torch.float16, torch.bfloat16)
# what changes attention's values in a few families, and is not computed here
UNKNOWN = ("softcap", "s_aux", "position_bias", "head_mask")
# not an argument of the model: a compiled one would be compiled again for every batch's lengths
_LAYOUT: ContextVar[Chunk] = ContextVar("layout")


def use_packed(backbone: PreTrainedModel) -> None:
    """Let `backbone` take chunks: input_ids and position_ids of shape (1, tokens), called within `laid_out`."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, no_mask)
    backbone.set_attn_implementation(NAME)


def packs(backbone: PreTrainedModel) -> bool:
    """Whether `backbone` may take chunks: its forward takes positions, and attention is all that tells texts apart."""
    config = backbone.config
    # Llama 4 attends within chunks of a text, and scales queries by where they are in the whole sequence
    apart = getattr(config, "attention_chunk_size", None) or getattr(config, "attn_temperature_tuning", None)
    taken = "position_ids" in inspect.signature(backbone.forward).parameters
    known = set(getattr(config, "layer_types", None) or ()) <= KINDS
    return bool(taken and known and not apart and backbone._supports_attention_backend)


@contextmanager
def laid_out(chunk: Chunk) -> Iterator[None]:
    """Within it, a packed backbone's tokens are those of `chunk`."""
    token = _LAYOUT.set(chunk)
    try:
        yield
    finally:
        _LAYOUT.reset(token)


def is_packed(backbone: PreTrainedModel) -> bool:
    """Whether `backbone` takes chunks: `use_packed` was the last to be called on it."""
    return bool(backbone.config._attn_implementation == NAME)


def use_padded(backbone: PreTrainedModel) -> None:
    """Let `backbone` take padded batches with a mask again, by transformers' own attention."""
    backbone.set_attn_implementation("sdpa" if backbone._supports_sdpa else "eager")


def no_mask(*_: object, **__: object) -> None:
    """The layout says which tokens belong together: there is no mask."""


@contextmanager
def watched_windows() -> Iterator[tuple[set[int], set[int]]]:
    """Within it, the windows or chunks that masks are asked for, and the windows that `attend` is given.

    Some families (PhiMoE, Qwen2MoE) have a window in their mask alone, which is not computed here.
    """
    asked: set[int] = set()
    given: set[int] = set()

    def mask(
        *_: object, local_size: int | None = None, allow_is_bidirectional_skip: bool | None = None, **__: object
    ) -> None:
        # who asks for a mask in both directions may say that it can be left out, and counts a window's last place in
        inclusive = allow_is_bidirectional_skip is not None
        asked.update([local_size + inclusive] if local_size else [])

    def attention(*tensors: Any, sliding_window: int | None = None, **more: Any) -> tuple[Tensor, None]:
        given.update([sliding_window] if sliding_window else [])
        made: tuple[Tensor, None] = attend(*tensors, sliding_window=sliding_window, **more)
        return made

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, mask)
    try:
        yield asked, given
    finally:
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, no_mask)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the layout is not for the compiler to look at
def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention of queries, keys and values (1, heads, tokens, width) → (1, tokens, heads, width).

    sliding_window: tokens attend to those less than so many places away; None to all of their sentence. is_causal:
    to none behind them; None: as the module says. Keys and values of fewer heads each serve several queries' heads.
    """
    layout = _LAYOUT.get(None)
    if layout is None:
        raise ModelError("a packed backbone was called by itself: call its Encoder, or use_padded(backbone) first")
    if unknown := [name for name in UNKNOWN if more.get(name) is not None]:
        raise ModelError(f"its attention takes {', '.join(unknown)}, which attention of packed sentences does not know")
    served = query.shape[1] // key.shape[1]
    if served > 1:
        key, value = (each.repeat_interleave(served, dim=1) for each in (key, value))
    flat = [each[0].transpose(0, 1) for each in (query, key, value)]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = sliding_window if sliding_window and max(layout.lengths) > sliding_window else None
    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    if query.is_cuda and (query.dtype in HALF or window is None):
        return _by_kernel(flat, layout, scale, dropout, window, causal)[None], None
    return _by_group(flat, layout, scale, dropout, window, causal)[None], None


def _by_group(
    flat: list[Tensor], layout: Chunk, scaling: float, dropout: float, window: int | None, causal: bool
) -> Tensor:
    """(tokens, heads, width) three times → the same shape, sentences of one length together."""
    groups = layout.groups
    # split's gradient is one concatenation; a slice's would be a whole tensor of zeros for each group
    parts = [torch.split(each, [count * length for count, length in groups]) for each in flat]
    found = []
    for (count, length), *part in zip(groups, *parts, strict=True):
        query, key, value = (each.unflatten(0, (count, length)).transpose(1, 2) for each in part)
        near = window if window and length > window else None
        mask = _allowed(length, near, causal, query.device) if near or causal else None
        if dropout:
            scores = query.mul(scaling) @ key.transpose(-1, -2)
            weights = softmax(scores if mask is None else scores.masked_fill(~mask, -torch.inf), dim=-1)
            made = drop(weights, dropout) @ value
        else:
            made = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)
        found.append(made.transpose(1, 2).flatten(0, 1))
    return torch.cat(found)


def _allowed(length: int, window: int | None, causal: bool, device: torch.device) -> Tensor:
    """Which places (length, length) each place attends to."""
    place = torch.arange(length, device=device)
    behind = place[:, None] - place
    allowed = behind >= 0 if causal else torch.ones_like(behind, dtype=torch.bool)
    return allowed & (behind.abs() < window) if window else allowed


def _by_kernel(
    flat: list[Tensor], layout: Chunk, scaling: float, dropout: float, window: int | None, causal: bool
) -> Tensor:
    """The same by CUDA's variable-length kernels: flash attention in half precision, memory-efficient in float32."""
    bounds = (layout.offsets, layout.offsets, layout.lengths[-1], layout.lengths[-1])
    if flat[0].dtype in HALF:
        right = 0 if causal else (window or 0) - 1
        reach = {} if window is None else {"window_size_left": window - 1, "window_size_right": right}
        made: Tensor = torch.ops.aten._flash_attention_forward(
            *flat, *bounds, dropout, causal, False, scale=scaling, **reach
        )[0]
        return made
    batched = (each[None] for each in flat)
    found: Tensor = torch.ops.aten._efficient_attention_forward(
        *batched, None, *bounds, dropout, int(causal), torch.is_grad_enabled(), scale=scaling
    )[0]
    return found[0]
