"""Sentences that are taught: translations of what a teacher encoded, or what it encoded itself."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from terna.arrays import Ints
from terna.data.teacher_vectors import TeacherVectors
from terna.encoder import Batch
from terna.sentences import gather
from terna.training.parts.part import Arrange, Part


class TaughtBatch(NamedTuple):
    """What a process gets of a batch of sentences that are taught.

    sentences: its own, and then their sources where the student learns these too. teacher: (B, dimension), the
    teacher's vectors.
    """

    sentences: Batch
    teacher: Tensor


class TranslationPart(Part):
    """Batches of translated sentences; the order of epoch e is a function of (seed, e).

    batch_size: pairs of a step, over all processes. sources: hand out the source sentences too. arrange: see
    TablePart. Raises DataError when there are fewer pairs than a batch.
    """

    unit = "translations"
    shape = None
    source = "data/parallel/sentences.parquet"

    def __init__(
        self,
        taught: TeacherVectors,
        arrange: Arrange,
        *,
        batch_size: int,
        epochs: range,
        seed: int,
        sources: bool,
    ) -> None:
        super().__init__(batch_size=batch_size, epochs=epochs)
        self.taught = taught
        self.arrange = arrange
        self.seed = seed
        self.sources = sources
        self.check_steps()

    @property
    def count(self) -> int:
        """Pairs that there are."""
        return len(self.taught)

    @property
    def left_out(self) -> list[int]:
        """Pairs of each epoch that are in no batch of it."""
        return [self.count % self.batch_size] * len(self.epochs)

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which pairs each batch of an epoch holds."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return order[: self.count - self.count % self.batch_size].reshape(-1, self.batch_size)

    def batches(self, rows: Ints, own: Ints) -> "_TaughtBatches":
        """The pairs of a process."""
        return _TaughtBatches(self, own)


class MonolingualPart(TranslationPart):
    """Batches of sentences of the target language, whose vectors the teacher gave itself."""

    unit = "sentences"
    source = "data/teacher/sentences.parquet"


class _TaughtBatches(Dataset[TaughtBatch]):
    def __init__(self, part: TranslationPart, rows: Ints) -> None:
        self.part = part
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> TaughtBatch:
        taught, rows = self.part.taught, self.rows[index]
        sentences = np.concatenate([rows, *([rows + len(taught)] if self.part.sources else [])])
        tokens = gather(taught.ids, taught.offsets, sentences)
        return TaughtBatch(self.part.arrange(*tokens), torch.from_numpy(taught.vectors[rows]))
