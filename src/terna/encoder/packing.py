"""How the sentences of a batch lie when they go through the backbone: sorted by length, in chunks, without padding."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from terna.arrays import Ints
from terna.errors import ModelError

# Tokens that go through the backbone at once, and the number that chunks come in multiples of, so that threads have
# equal shares. An accelerator is given as many tokens as it can take.
CHUNK_TOKENS = {"cpu": 2048}
LARGE_CHUNK_TOKENS = 65536
SHARES = {"cpu": 4}


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


def arrange(ids: Ints, lengths: Ints | Sequence[int], limit: int, shares: int = 1) -> Batch:
    """Sentences that lie one after another in `ids` (tokens,) → chunks of about as many tokens each, `limit` at most.

    A sentence goes to the chunk that its middle falls into, and may so exceed the limit by its half. There are a
    multiple of `shares` chunks, but for those without a sentence. Raises ModelError for a sentence without a token,
    whose vector would be no number.
    """
    sizes = np.asarray(lengths, np.int64)
    if (sizes < 1).any():
        raise ModelError(
            "a sentence without a token: the tokenizer adds none of its own; leave out texts that are empty"
        )
    order = np.argsort(sizes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    count = shares * -(-int(sizes.sum()) // (shares * limit))
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    parts = np.split(order, np.searchsorted(middles, sizes.sum() * np.arange(1, count) / count))
    chunks = tuple(_chunk(ids, starts[part], sizes[part]) for part in parts if len(part))
    return Batch(chunks, torch.from_numpy(np.argsort(order, kind="stable")))


def chunking(device: torch.device) -> tuple[int, int]:
    """`arrange`'s limit and shares on a device."""
    return CHUNK_TOKENS.get(device.type, LARGE_CHUNK_TOKENS), SHARES.get(device.type, 1)


def _chunk(ids: Ints, starts: Ints, sizes: Ints) -> Chunk:
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    flat = ids[np.repeat(starts, sizes) + positions].astype(np.int64)
    bounds = torch.from_numpy(offsets.astype(np.int32))
    return Chunk(torch.from_numpy(flat), torch.from_numpy(positions), bounds, tuple(sizes.tolist()))
