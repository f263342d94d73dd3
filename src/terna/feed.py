"""The LightningDataModule: an epoch's planned batches, gathered from the memory-mapped tokens."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from terna.batches import Ints, plan
from terna.encoder import Batch
from terna.errors import DataError
from terna.mixture import drawn
from terna.positives import known
from terna.tokens import TokenTable, gather

Arrange = Callable[[Any, Any], Batch]


class Triplets(NamedTuple):
    """What a process gets of a batch: its anchors, then their positives, then their negatives.

    known: (B, 2 N) bool, which of the candidates, all positives and then all negatives, are known positives of the
    process's anchors. known_anchors: (B, N) bool, of which of all anchors its own positives are known positives. None
    where they are not asked for.
    """

    sentences: Batch
    known: Tensor | None
    known_anchors: Tensor | None


class Feed(LightningDataModule):
    """Duplicate-free batches of triplets; the order of epoch e is a function of (seed, e).

    batch_size: triplets of a step, over all processes; each takes an equal share of one plan. arrange: how token ids
    and lengths become the encoder's batch. weights: how often each corpus's triplets are gone through in an epoch, by
    the number in `table.corpus`. known_positives: hand out which candidates are no wrong answers. gather: candidates
    are those of all processes. workers: processes that gather batches ahead for an accelerator; on a CPU gathering
    takes no time worth one.
    Raises DataError when not a single full batch can be made.
    """

    def __init__(
        self,
        table: TokenTable,
        arrange: Arrange,
        *,
        batch_size: int,
        epochs: int,
        seed: int,
        weights: Sequence[float],
        known_positives: bool = False,
        gather: bool = True,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.table = table
        self.arrange = arrange
        self.batch_size = batch_size
        self.epochs = epochs
        self.seed = seed
        self.weights = weights
        self.known_positives = known_positives
        self.gather = gather
        self.workers = workers
        if not min(self.steps):
            raise DataError(
                f"train.batch_size: no batch of {batch_size} triplets without a repeated text can be made from "
                f"{len(table.train)} triplets; lower it, or add data"
            )

    @cached_property
    def steps(self) -> list[int]:
        """Optimizer steps of each epoch, exact: the schedule is laid out on their sum."""
        return [len(self.rows(epoch)) for epoch in range(self.epochs)]

    @property
    def left_out(self) -> list[int]:
        """Triplets of each epoch that are in no batch of it."""
        offered = [len(self._drawn(epoch)) for epoch in range(self.epochs)]
        return [count - steps * self.batch_size for count, steps in zip(offered, self.steps, strict=True)]

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which triplets each batch of an epoch holds, as rows of `table.train`."""
        chosen = self._drawn(epoch)
        keys = np.asarray(self.table.keys[self.table.train[chosen]], np.int64)
        return np.asarray(chosen[plan(keys, self.batch_size, self.seed, epoch).batches])

    def _drawn(self, epoch: int) -> Any:
        return drawn(self.table.corpus, self.weights, self.seed, epoch)

    def place(self, step: int) -> tuple[int, int]:
        """The epoch that the step after `step` steps belongs to, and its number in it."""
        ends = np.cumsum(self.steps)
        epoch = int(np.searchsorted(ends, step, side="right"))
        return epoch, step - int(ends[epoch - 1] if epoch else 0)

    def train_dataloader(self) -> DataLoader[Triplets]:
        """The batches from the trainer's step to the end of its epoch: a resumed run goes on where it was."""
        epoch, first = self.place(self.trainer.global_step if self.trainer else 0)
        epoch = min(epoch, self.epochs - 1)  # past the last step Lightning still asks, and takes nothing
        share = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        batches = _Batches(self, self.rows(epoch), *share)
        return _Resumable(
            batches,
            sampler=_From(first, len(batches)),
            batch_size=None,
            collate_fn=_as_is,
            pin_memory=on_gpu,
            num_workers=self.workers if on_gpu else 0,
        )


class _Batches(Dataset[Triplets]):
    """An epoch's batches, of each the share that process `rank` of `world` takes."""

    def __init__(self, feed: Feed, rows: Ints, rank: int, world: int) -> None:
        self.feed = feed
        self.rows = rows.reshape(len(rows), world, -1)
        self.rank = rank

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Triplets:
        table, own = self.feed.table, self.feed.table.train[self.rows[index, self.rank]].T
        sentences = self.feed.arrange(*gather(table.ids, table.offsets, own.reshape(-1)))
        if not self.feed.known_positives:
            return Triplets(sentences, None, None)
        every = table.train[self.rows[index].reshape(-1)].T if self.feed.gather else own
        anchors, positives, candidates = table.keys[own[0]], table.keys[own[1]], table.keys[every[1:].reshape(-1)]
        masks = known(anchors, candidates, table.positives), known(positives, table.keys[every[0]], table.positives)
        return Triplets(sentences, *map(torch.from_numpy, masks))


class _From(Sampler[int]):
    """The numbers from `first` on, once; as long as all of them, which is what Lightning counts by."""

    def __init__(self, first: int, count: int) -> None:
        self.first = first
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.count))


class _Resumable(DataLoader[Triplets]):
    """Tells Lightning that a run may go on within an epoch; where, is the sampler's affair, by the step."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def _as_is(batch: Any) -> Any:
    return batch
