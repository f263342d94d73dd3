"""From the vectors of a sentence's tokens to one vector, in each way that sentence-transformers knows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from terna.arrays import Bools, Ints
from terna.encoder.keys import Keys
from terna.encoder.packing import Chunk
from terna.errors import ModelError
from terna.records import write_json

# The name of each way, and its key in the older form of the file, in the order in which that form joins them.
MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
# the keys that every version of sentence-transformers reads, in the order in which they are written
OLDEST = ("cls", "mean", "max", "mean_sqrt_len_tokens")
# what these give for no token at all, sentence-transformers says: zeros
DEFINED = ("mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


@dataclass(frozen=True)
class Pooling:
    """How token vectors become one; several ways give their vectors one after another.

    modes: names of MODES. include_prompt: the tokens of the default prompt are pooled too. width: of a token's vector,
    where the folder states it.
    """

    modes: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    width: int | None = None

    @classmethod
    def read(cls, folder: Path) -> "Pooling":
        """The pooling in a folder, in the older form of its file or the newer one; ModelError for any other."""
        keys = Keys.read(folder / "config.json")
        if not keys.left:
            raise ModelError(f"{keys.path}: not there, or empty: the pooling is unknown; get the folder again")
        old, new = keys.size("word_embedding_dimension", None), keys.size("embedding_dimension", None)
        older = [mode for mode, key in MODES.items() if keys.take(key, bool, False)]
        stated = keys.left.pop("pooling_mode", older or ["mean"])
        modes = [stated] if isinstance(stated, str) else stated
        if not isinstance(modes, list) or not modes or not all(mode in list(MODES) for mode in modes):
            raise keys.refused("pooling_mode", stated, f"one or several of {', '.join(MODES)} are expected")
        found = cls(tuple(modes), keys.take("include_prompt", bool, True), new or old)
        keys.end()
        return found

    def write(self, folder: Path, width: int) -> None:
        """Write the file that `read` reads, in its older form where that can say it; width: of a token's vector."""
        prompt = {} if self.include_prompt else {"include_prompt": False}
        if self.modes == tuple(mode for mode in MODES if mode in self.modes):
            written = [*OLDEST, *(mode for mode in self.modes if mode not in OLDEST)]
            named = {MODES[mode]: mode in self.modes for mode in written}
            settings: dict[str, Any] = {"word_embedding_dimension": width, **named, **prompt}
        else:
            settings = {"embedding_dimension": width, "pooling_mode": list(self.modes), **prompt}
        write_json(settings, folder / "config.json")


def pool(hidden: Tensor, chunk: Chunk, modes: tuple[str, ...], skip: int = 0) -> Tensor:
    """Token vectors (tokens, width) of a chunk → sentence vectors (sentences, modes * width), in float32 or better.

    skip: tokens at the beginning of each sentence that are left out; each sentence must have more.
    """
    found = [_pooled(mode, hidden, chunk, skip) for mode in modes]
    return found[0] if len(found) == 1 else torch.cat(found, dim=-1)


def unpooled(lengths: Ints, modes: tuple[str, ...], skip: int = 0) -> Bools:
    """Which of the sentences with that many tokens have none to pool: their vector is zeros, then what follows of it.

    Raises ModelError where a way to pool is not defined for them.
    """
    empty = lengths <= skip
    undefined = [mode for mode in modes if mode not in DEFINED]
    if empty.any() and undefined:
        raise ModelError(
            f"a text without a token that {undefined[0]} pooling could take: the tokenizer adds none of its own; leave "
            "out texts that are empty"
        )
    return empty


def _pooled(mode: str, hidden: Tensor, chunk: Chunk, skip: int) -> Tensor:
    if mode == "cls":
        return hidden[chunk.offsets[:-1] + skip if skip else chunk.offsets[:-1]]
    if mode == "lasttoken":
        return hidden[chunk.offsets[1:] - 1]
    exact = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
    lengths, positions = chunk.offsets.diff().long(), chunk.positions
    if skip:
        kept = positions >= skip
        exact, lengths, positions = exact[kept], lengths - skip, positions[kept]
    if mode in ("mean", "max"):
        return torch.segment_reduce(exact, mode, lengths=lengths, axis=0, unsafe=True)
    if mode == "mean_sqrt_len_tokens":
        return _summed(exact, lengths) / lengths.to(exact.dtype).sqrt()[:, None]
    weights = (positions + 1).to(exact.dtype)[:, None]
    return _summed(exact * weights, lengths) / _summed(weights, lengths)


def _summed(values: Tensor, lengths: Tensor) -> Tensor:
    return torch.segment_reduce(values, "sum", lengths=lengths, axis=0, unsafe=True)
