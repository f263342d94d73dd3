"""A LightningDataModule of one or several kinds of examples, planned beforehand, and resumed at any step."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from terna.settings import Debug
from terna.training.parts.part import Part

# apart from the streams that parts and other modules draw from [seed, epoch]
_STREAM = 2


class PlannedDataModule(LightningDataModule):
    """The batches of several parts, which have the same batch size; each batch is of one part.

    Those of an epoch are in an order that is a function of (seed, epoch), those of a part in their own. workers:
    processes that gather batches ahead for an accelerator; on a CPU gathering takes no time worth one. debug: takes a
    few of the batches alone.
    """

    def __init__(self, parts: Sequence[Part], *, seed: int, workers: int = 0, debug: Debug | None = None) -> None:
        super().__init__()
        self.parts = parts
        self.seed = seed
        self.workers = workers
        self.debug = debug
        self.batch_size = parts[0].batch_size
        self.epochs = max(part.epochs.stop for part in parts)

    @cached_property
    def steps(self) -> list[int]:
        """Optimizer steps of each epoch, exact: the schedule is laid out on their sum."""
        if self.debug:
            return [len(self.plan(epoch)) for epoch in range(self.epochs)]
        return [sum(part.steps_in(epoch) for part in self.parts) for epoch in range(self.epochs)]

    def steps_of(self, phases: Iterable[range]) -> list[int]:
        """Optimizer steps of each phase, given by its epochs."""
        return [sum(self.steps[phase.start : phase.stop]) for phase in phases]

    def plan(self, epoch: int) -> list[tuple[int, int]]:
        """For each batch of an epoch, in order, the number of its part and its number among the part's batches."""
        counts = [part.steps_in(epoch) for part in self.parts]
        places = np.repeat(np.arange(len(counts)), counts)
        places = np.random.default_rng([self.seed, epoch, _STREAM]).permutation(places)
        numbers = np.empty(len(places), np.int64)
        for number, count in enumerate(counts):
            numbers[places == number] = np.arange(count)
        whole = list(zip(places.tolist(), numbers.tolist(), strict=True))
        return self.debug.of(whole) if self.debug else whole

    def place(self, step: int) -> tuple[int, int]:
        """The epoch that the step after `step` steps belongs to, and its number in it."""
        ends = np.cumsum(self.steps)
        epoch = int(np.searchsorted(ends, step, side="right"))
        return epoch, step - int(ends[epoch - 1] if epoch else 0)

    def learnt(self, steps: int) -> list[Part]:
        """The parts that have a batch among the first `steps`: patience may end a run before each had one."""
        last, number = self.place(steps)
        plans = [self.plan(epoch) for epoch in range(last)] + ([self.plan(last)[:number]] if number else [])
        found = {place for plan in plans for place, _ in plan}
        return [part for place, part in enumerate(self.parts) if place in found]

    def train_dataloader(self) -> DataLoader[Any]:
        """The batches from the trainer's step to the end of its epoch: a resumed run starts where it stopped."""
        epoch, first = self.place(self.trainer.global_step if self.trainer else 0)
        epoch = min(epoch, self.epochs - 1)  # past the last step Lightning still asks, and takes nothing
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        none = np.zeros((0, self.batch_size), np.int64)
        rows = [part.rows(epoch) if epoch in part.epochs else none for part in self.parts]
        batches = [
            part.batches(own, np.split(own, world, axis=1)[rank]) for part, own in zip(self.parts, rows, strict=True)
        ]
        plan = self.plan(epoch)
        return _Resumable(
            _Planned(plan, batches),
            sampler=_From(first, len(plan)),
            batch_size=None,
            collate_fn=_as_is,
            pin_memory=on_gpu,
            num_workers=self.workers if on_gpu else 0,
        )


class _Planned(Dataset[Any]):
    """The batches of several parts, in the order of `plan`."""

    def __init__(self, plan: Sequence[tuple[int, int]], batches: Sequence[Dataset[Any]]) -> None:
        self.plan = plan
        self.batches = batches

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Any:
        part, number = self.plan[index]
        return self.batches[part][number]


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
