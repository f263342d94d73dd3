"""How the sentences of a batch lie when they go through the backbone: sorted by length, in chunks, without padding."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from terna.tokens import Ints

# Tokens that go through the backbone at once. On a CPU a chunk's activations should stay in its caches; an accelerator
# is given as many as it can take.
CHUNK_TOKENS = {"cpu": 4096}
LARGE_CHUNK_TOKENS = 65536


class Chunk(NamedTuple):
    """Sentences of rising length that lie one after another.

    ids: (tokens,) int64. positions: (tokens,) int64, each token's place in its sentence, from 0. offsets:
    (sentences + 1,) int32, sentence i is ids[offsets[i]:offsets[i + 1]]. lengths: the sentences' tokens.
    """

    ids: Tensor
    positions: Tensor
    offsets: Tensor
    lengths: tuple[int, ...]

    @property
    def groups(self) -> list[tuple[int, int]]:
        """Runs of sentences of one length: how many there are, and that length."""
        return [(len(list(run)), length) for length, run in groupby(self.lengths)]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Chunk":
        """The same on another device."""
        ids, positions, offsets = (
            each.to(device, non_blocking=non_blocking) for each in (self.ids, self.positions, self.offsets)
        )
        return Chunk(ids, positions, offsets, self.lengths)


class Batch(NamedTuple):
    """Sentences in chunks; place: (sentences,) int64, where in the chunks' order each sentence of the batch is."""

    chunks: tuple[Chunk, ...]
    place: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """The same on another device."""
        chunks = tuple(chunk.to(device, non_blocking) for chunk in self.chunks)
        return Batch(chunks, self.place.to(device, non_blocking=non_blocking))


def arrange(ids: Ints, lengths: Ints | Sequence[int], limit: int) -> Batch:
    """Sentences that lie one after another in `ids` (tokens,) → chunks of at most `limit` tokens, or of one sentence.

    The limit counts tokens as if padded to the chunk's longest sentence. A batch without a sentence has no chunk.
    """
    sizes = np.asarray(lengths, np.int64)
    order = np.argsort(sizes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    chunks = tuple(_chunk(ids, starts[part], sizes[part]) for part in _parts(order, sizes, limit))
    return Batch(chunks, torch.from_numpy(np.argsort(order, kind="stable")))


def chunk_tokens(device: torch.device) -> int:
    """The limit of a chunk on a device."""
    return CHUNK_TOKENS.get(device.type, LARGE_CHUNK_TOKENS)


def _chunk(ids: Ints, starts: Ints, sizes: Ints) -> Chunk:
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    flat = ids[np.repeat(starts, sizes) + positions].astype(np.int64)
    bounds = torch.from_numpy(offsets.astype(np.int32))
    return Chunk(torch.from_numpy(flat), torch.from_numpy(positions), bounds, tuple(sizes.tolist()))


def _parts(order: Ints, sizes: Ints, limit: int) -> list[Ints]:
    """Cut sentences, sorted by length, into runs of at most `limit` tokens when padded to their longest."""
    parts, first = [], 0
    for last, sentence in enumerate(order):
        if last > first and (last - first + 1) * sizes[sentence] > limit:
            parts.append(order[first:last])
            first = last
    return [*parts, order[first:]] if len(order) else []
