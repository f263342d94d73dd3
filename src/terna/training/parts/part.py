"""What the parts of a run have in common, and those that are made of the examples of a token table."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from terna.arrays import Ints
from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.encoder import Batch
from terna.errors import DataError
from terna.sentences import gather
from terna.training.batches.plan import plan
from terna.training.corpus_weights import drawn

# of batches from `planned`
APART = " without a repeated text"
Arrange = Callable[[Any, Any], Batch]


class Part(ABC):
    """Examples of one kind: their batches as rows of numbers, planned beforehand, and what a process gets of them.

    batch_size: examples of a step, over all processes; each takes an equal share. epochs: those of the run in which the
    examples are learnt. unit: what the examples are called.
    shape: by which setting of `train.loss` they are learnt; None where by train.distill. source: the file that they
    are rows of. apart: what else a batch must be, in a message; see APART.
    """

    unit: str
    shape: str | None
    source: str
    apart = ""

    def __init__(self, *, batch_size: int, epochs: range) -> None:
        self.batch_size = batch_size
        self.epochs = epochs

    @property
    @abstractmethod
    def count(self) -> int:
        """Examples that there are."""

    @property
    @abstractmethod
    def left_out(self) -> list[int]:
        """Examples of each of its epochs that are in no batch of it."""

    @abstractmethod
    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): the examples of each batch of an epoch."""

    def in_source(self, rows: Ints) -> Ints:
        """Where examples stand in the file of their source."""
        return rows

    @abstractmethod
    def batches(self, rows: Ints, own: Ints) -> Dataset[Any]:
        """What a process gets of each batch, whose examples are `rows`, the process's share `own` (steps, share)."""

    @cached_property
    def steps(self) -> list[int]:
        """Batches of each of its epochs, exact."""
        return [len(self.rows(epoch)) for epoch in self.epochs]

    def check_steps(self) -> None:
        """Raise DataError when no batch of an epoch is full."""
        if not min(self.steps):
            kind = self.unit.replace("_", " ")
            raise DataError(
                f"train.batch_size: no batch of {self.batch_size} {kind}{self.apart} can be made from {self.count} "
                f"{kind}; lower it, or add data"
            )

    def steps_in(self, epoch: int) -> int:
        """Batches of an epoch of the run."""
        return self.steps[epoch - self.epochs.start] if epoch in self.epochs else 0


@dataclass(frozen=True)
class Shared:
    """What the parts of a token table share.

    arrange: how token ids and lengths become the encoder's batch. batch_size: examples of a step, over all processes;
    each takes an equal share of one plan. epochs: those of the run in which they are learnt. weights: how often each
    corpus's examples are gone through in an epoch, by the corpus's number in the table. taught: the teacher's vectors
    of the table's sentences, to be handed out.
    """

    table: TokenTable
    arrange: Arrange
    batch_size: int
    epochs: range
    seed: int
    weights: Sequence[float]
    taught: TeacherVectors | None = None

    def asked(self, corpus: Ints) -> bool:
        """Whether an epoch has examples of any of these corpora, (n,) by number."""
        return any(self.weights[number] for number in np.unique(corpus).tolist())


class TablePart(Part):
    """Examples of a token table; DataError when the teacher had other sentences than its."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(batch_size=shared.batch_size, epochs=shared.epochs)
        self.table = shared.table
        self.shared = shared
        taught, sentences = shared.taught, len(shared.table.keys)
        if taught and len(taught) != sentences:
            raise DataError(
                f"data/teacher/vectors.npy: vectors of {len(taught)} sentences, but there are {sentences} in "
                "data/tokens; run the teacher stage (dvc repro teacher)"
            )

    def drawn(self, corpus: Ints, epoch: int) -> Ints:
        """Which examples an epoch has, by the weights of their corpora, (n,)."""
        return drawn(corpus, self.shared.weights, self.shared.seed, epoch)

    def planned(self, numbers: Ints, corpus: Ints, epoch: int) -> Ints:
        """(steps, batch_size): an epoch's batches of examples in which no text comes twice, as rows of `numbers`.

        numbers: (n, columns), the sentences of each example. corpus: (n,).
        """
        chosen = self.drawn(corpus, epoch)
        keys = np.asarray(self.table.keys[numbers[chosen]], np.int64)
        return np.asarray(chosen[plan(keys, self.batch_size, self.shared.seed, epoch).batches])

    def unplanned(self, corpus: Ints) -> list[int]:
        """How many examples of each epoch are in none of its batches; corpus: of each, (n,)."""
        offered = [len(self.drawn(corpus, epoch)) for epoch in self.epochs]
        return [count - steps * self.batch_size for count, steps in zip(offered, self.steps, strict=True)]

    def gathered(self, sentences: Ints) -> tuple[Batch, Tensor | None]:
        """Sentences of the table as a batch, and the teacher's vectors of them where they are asked for."""
        return self.shared.arrange(*gather(self.table.ids, self.table.offsets, sentences)), self.taught(sentences)

    def taught(self, sentences: Ints) -> Tensor | None:
        """The teacher's vectors of sentences of the table where they are asked for."""
        taught = self.shared.taught
        return torch.from_numpy(taught.vectors[sentences]) if taught else None
