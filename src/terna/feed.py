"""The LightningDataModule: an epoch's planned batches, gathered from the memory-mapped tokens."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from terna.batches import Ints, plan
from terna.errors import DataError
from terna.tokens import TokenTable, gather

# the tokens of the anchors, the positives, the negatives, one sentence after another (tokens,), and their lengths
Batch = tuple[Tensor, list[int]]


class Feed(LightningDataModule):
    """Duplicate-free batches of triplets; the order of epoch e is a function of (seed, e).

    Raises DataError when not a single full batch can be made.
    """

    def __init__(self, table: TokenTable, *, batch_size: int, epochs: int, seed: int) -> None:
        super().__init__()
        self.table = table
        self.batch_size = batch_size
        self.epochs = epochs
        self.seed = seed
        if not min(self.steps):
            raise DataError(
                f"train.batch_size: no batch of {batch_size} triplets without a repeated text can be made from "
                f"{len(table.train)} triplets; lower it, or add data"
            )

    @cached_property
    def steps(self) -> list[int]:
        """Optimizer steps of each epoch, exact: the schedule is laid out on their sum."""
        return [len(self._plan(epoch)) for epoch in range(self.epochs)]

    def train_dataloader(self) -> DataLoader[Batch]:
        """The current epoch's batches."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        batches = _Batches(self.table, self._plan(epoch))
        return DataLoader(batches, batch_size=None, shuffle=False, collate_fn=_as_is)

    def _plan(self, epoch: int) -> Ints:
        keys = np.asarray(self.table.keys[self.table.train], np.int64)
        return plan(keys, self.batch_size, self.seed, epoch).batches


class _Batches(Dataset[Batch]):
    def __init__(self, table: TokenTable, rows: Ints) -> None:
        self.table = table
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        sentences = self.table.train[self.rows[index]].T.reshape(-1)
        ids, lengths = gather(self.table.ids, self.table.offsets, sentences)
        return torch.from_numpy(ids), lengths.tolist()


def _as_is(batch: Any) -> Any:
    return batch
