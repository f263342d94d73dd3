"""Shards given to Ray's workers, each of which holds the model: the same files as processes of our own write."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from terna.data.translation.checkpoint import find
from terna.data.translation.decoder import Decoder, Recipe
from terna.data.translation.shards import Shard
from terna.errors import ModelError
from terna.running import cluster
from terna.running.blocks import batch_of, begun, handed_out
from terna.running.cluster import SETTINGS, Done
from terna.running.process import settle
from terna.settings import Machine

# a batch is a shard's sentences
BATCH = pa.schema([("text", pa.string()), ("ids", pa.list_(pa.int32()))])


@dataclass(frozen=True)
class Block:
    """A shard that is missing: which of the batches, and the file that it is written to."""

    number: int
    path: str


class Translating:
    """The work of a worker: it holds the model, and translates a shard."""

    def __init__(self, batches: Path, recipe: Recipe, origin: Mapping[str, Any], device: str) -> None:
        """Load the model; ModelError where another checkpoint or version is on this machine than `origin` says."""
        settle()
        torch.set_num_threads(1)  # as processes of our own
        checkpoint = find(recipe.settings)
        if (found := checkpoint.origin()) != origin:
            raise ModelError(
                f"translate.model.checkpoint: {checkpoint.folder}: {found} on a worker's machine, {origin} here; give "
                "all machines the same files and versions"
            )
        self._batches, self._tokens = batches, recipe.settings.batch_tokens
        self._decode = Decoder(replace(recipe, checkpoint=checkpoint), device)

    def __call__(self, block: Block) -> Done:
        """Translate a shard into its file, unless that is there; how many sentences it has."""
        shard = _shard(self._batches, block)
        if not shard.path.exists():  # else a worker died after it had written it, before it could say so
            with begun(shard.path, f"sentences of {shard.path.name}", SETTINGS.fewer) as beside:
                found = [output for batch in shard.batches(self._tokens) for output in self._decode(batch)]
                shard.write_to(beside, found)
        return Done(len(shard.texts))


def over_ray(
    left: Sequence[Shard], recipe: Recipe, origin: Mapping[str, Any], machine: Machine
) -> Generator[int, None, None]:
    """Have shards translated; the sentences of each, as they are done. machine.ray must not be null."""
    if not left:
        return
    paths = [shard.path.absolute() for shard in left]
    for path in paths:
        path.unlink(missing_ok=True)  # one that is damaged
    blocks = [Block(number, str(path)) for number, path in enumerate(paths)]
    asked = cluster.asked_by(machine, processes=machine.workers)
    with handed_out(paths[0].parent, map(_batch, left)) as batches, cluster.connected(asked) as pool:
        arguments = {"batches": batches, "recipe": _anywhere(recipe), "origin": origin, "device": pool.device}
        for done in cluster.worked(blocks, Translating, arguments, pool):
            yield done.count


def _batch(shard: Shard) -> pa.RecordBatch:
    ids = pa.array([row.tolist() for row in shard.ids], BATCH.field("ids").type)
    return pa.record_batch([pa.array(shard.texts, pa.string()), ids], schema=BATCH)


def _shard(batches: Path, block: Block) -> Shard:
    batch = batch_of(batches, block.number)
    ids = [np.array(row, np.int32) for row in batch["ids"].to_pylist()]
    return Shard(Path(block.path), batch["text"].to_pylist(), ids)


def _anywhere(recipe: Recipe) -> Recipe:
    """The recipe with a checkpoint that is found from any working folder."""
    path = Path(recipe.settings.checkpoint)
    name = str(path.absolute()) if path.is_dir() else recipe.settings.checkpoint
    return replace(recipe, settings=replace(recipe.settings, checkpoint=name))
