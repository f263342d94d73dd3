"""The average of encoders of one shape, weight by weight."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from terna.encoder.network import Encoder
from terna.errors import ModelError

Weights = Mapping[str, Tensor]

# of a backbone's configuration, what says nothing of the vectors that its weights give
BESIDE = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache")


def average(members: Sequence[Weights], start: Weights | None = None, share: float = 1.0) -> dict[str, Tensor]:
    """The mean of the members' weights and, where `start` is given, `share` of it and the rest the start's.

    Summed in float64 in the order of the members, and rounded once to the type of the first: the same bytes each time.
    What is no floating-point number is the first's. Sources: Wortsman et al., Model Soups, 2022, section 2; Robust
    Fine-Tuning of Zero-Shot Models, 2022, section 3.
    """
    return {
        name: _averaged([one[name] for one in members], None if start is None else start[name], share)
        for name in members[0]
    }


def check_alike(first: Encoder, other: Encoder, names: tuple[Path, Path], *, is_start: bool = False) -> None:
    """ModelError, with what differs, unless the mean of the weights of both is the weights of one of them.

    names: their folders, for the message. is_start: the other is a start, of which the weights alone are taken: its
    prompts, and where it cuts texts, do not matter.
    """
    if different := next(_differences(first, other, is_start), None):
        raise ModelError(
            f"{names[1]}: {different}, unlike {names[0]}: their weights cannot be averaged; give encoders that were "
            "trained from one start, on the same tokens"
        )


def _averaged(values: Sequence[Tensor], start: Tensor | None, share: float) -> Tensor:
    if not values[0].is_floating_point():
        return values[0]
    total = torch.zeros_like(values[0], dtype=torch.float64)
    for value in values:
        total += value
    mean = total / len(values)
    mixed = mean if start is None else share * mean + (1 - share) * start.double()
    return mixed.to(values[0].dtype)


def _differences(first: Encoder, other: Encoder, is_start: bool) -> Iterator[str]:
    """What stands in the way, the plainest first."""
    ours, theirs = (_sizes(one) for one in (first, other))
    yield from (f"no weight {name}" for name in ours if name not in theirs)
    yield from (f"a weight {name}" for name in theirs if name not in ours)
    yield from (f"{name} of size {theirs[name]}, not {ours[name]}" for name in ours if theirs[name] != ours[name])
    if _tokenizer(first) != _tokenizer(other):
        yield "its tokenizer is another"
    our, their = (_described(one, is_start) for one in (first, other))
    for name in dict.fromkeys([*our, *their]):
        if our.get(name) != their.get(name):
            yield f"{name} is {their.get(name)!r}, not {our.get(name)!r}"


def _sizes(encoder: Encoder) -> dict[str, str]:
    return {name: "×".join(map(str, value.shape)) for name, value in encoder.state_dict().items()}


def _tokenizer(encoder: Encoder) -> Any:
    """All that decides which tokens a text becomes, but where it is cut."""
    tokenizer: Any = encoder.tokenizer
    if not tokenizer.is_fast:
        return tokenizer.get_vocab(), tokenizer.special_tokens_map
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    return {key: value for key, value in whole.items() if key not in ("truncation", "padding")}


def _described(encoder: Encoder, is_start: bool) -> dict[str, Any]:
    """What else decides the vectors, by name; dropout does not."""
    config = encoder.backbone.config.to_dict()
    kept = {key: value for key, value in config.items() if key not in BESIDE and "dropout" not in key}
    texts = {"prompt": encoder.usage.prompt, "prompts": encoder.usage.prompts, "max_seq_length": encoder.max_length}
    pooling = {"pooling": encoder.pooling.modes, "include_prompt": encoder.pooling.include_prompt}
    usage = {"truncate_dim": encoder.usage.truncate_dim}
    residual = [getattr(module, "use_residual", False) for module in encoder.head]  # which str does not show
    return {
        **kept,
        **({} if is_start else texts),
        **pooling,
        **usage,
        "head": str(encoder.head),
        "use_residual": residual,
    }
