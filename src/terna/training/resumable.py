"""A LightningDataModule whose epochs are planned beforehand, and resumed at any step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from terna.arrays import Ints


class PlannedDataModule(LightningDataModule, ABC):
    """Batches of an epoch as rows of numbers; a kind of datamodule says which, and what a process gets of them.

    batch_size: examples of a step, over all processes; each takes an equal share. workers: processes that gather
    batches ahead for an accelerator; on a CPU gathering takes no time worth one.
    """

    def __init__(self, *, batch_size: int, epochs: int, workers: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.epochs = epochs
        self.workers = workers

    @abstractmethod
    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): the examples of each batch of an epoch."""

    @abstractmethod
    def batches(self, rows: Ints, own: Ints) -> Dataset[Any]:
        """What a process gets of each batch, whose examples are `rows`, the process's share `own` (steps, share)."""

    @cached_property
    def steps(self) -> list[int]:
        """Optimizer steps of each epoch, exact: the schedule is laid out on their sum."""
        return [len(self.rows(epoch)) for epoch in range(self.epochs)]

    def place(self, step: int) -> tuple[int, int]:
        """The epoch that the step after `step` steps belongs to, and its number in it."""
        ends = np.cumsum(self.steps)
        epoch = int(np.searchsorted(ends, step, side="right"))
        return epoch, step - int(ends[epoch - 1] if epoch else 0)

    def train_dataloader(self) -> DataLoader[Any]:
        """The batches from the trainer's step to the end of its epoch: a resumed run starts where it stopped."""
        epoch, first = self.place(self.trainer.global_step if self.trainer else 0)
        epoch = min(epoch, self.epochs - 1)  # past the last step Lightning still asks, and takes nothing
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        rows = self.rows(epoch)
        batches = self.batches(rows, np.split(rows, world, axis=1)[rank])
        return _Resumable(
            batches,
            sampler=_From(first, len(rows)),
            batch_size=None,
            collate_fn=_as_is,
            pin_memory=on_gpu,
            num_workers=self.workers if on_gpu else 0,
        )


class _From(Sampler[int]):
    """The numbers from `first` on, once; as long as all of them, which is what Lightning counts by."""

    def __init__(self, first: int, count: int) -> None:
        self.first = first
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.count))


class _Resumable(DataLoader[Any]):
    """Tells Lightning that a run may resume within an epoch; the sampler finds the place by the step."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def _as_is(batch: Any) -> Any:
    return batch
