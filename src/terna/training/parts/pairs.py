"""Scored pairs, and pairs with a class: each pair once an epoch, in an order of its own."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from terna.arrays import Ints
from terna.encoder import Batch
from terna.training.parts.part import Shared, TablePart


class ScoredBatch(NamedTuple):
    """What a process gets of a batch of scored pairs: the first sentences and then the second; scores (B,).

    teacher: (2 B, dimension), the teacher's vectors of the sentences; None where they are not asked for.
    """

    sentences: Batch
    scores: Tensor
    teacher: Tensor | None = None


class ClassedBatch(NamedTuple):
    """What a process gets of a batch of pairs with a class: see ScoredBatch; classes (B,) int64."""

    sentences: Batch
    classes: Tensor
    teacher: Tensor | None = None


class PairPart(TablePart):
    """Batches of pairs with a label; the order of epoch e is a function of (seed, e).

    pairs: (n, 2) sentence numbers. labels, corpus: (n,). Raises DataError when an epoch has fewer pairs than a batch.
    """

    kind: type[ScoredBatch] | type[ClassedBatch]

    def __init__(self, shared: Shared, pairs: Ints, labels: Any, corpus: Ints) -> None:
        super().__init__(shared)
        self.pairs, self.labels, self.corpus = pairs, labels, corpus
        self.check_steps()

    @property
    def count(self) -> int:
        """Pairs that there are."""
        return len(self.pairs)

    @property
    def left_out(self) -> list[int]:
        """Pairs of each epoch that are in no batch of it."""
        return [len(self.drawn(self.corpus, epoch)) % self.batch_size for epoch in self.epochs]

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which pairs each batch of an epoch holds, as rows of `pairs`."""
        chosen = np.random.default_rng([self.shared.seed, epoch]).permutation(self.drawn(self.corpus, epoch))
        return chosen[: len(chosen) - len(chosen) % self.batch_size].reshape(-1, self.batch_size)

    def batches(self, rows: Ints, own: Ints) -> "_PairBatches":
        """The pairs of a process."""
        return _PairBatches(self, own)


class ScoredPart(PairPart):
    """Batches of scored pairs."""

    unit = "scored_pairs"
    shape = "scored"
    source = "data/triplets/scored.parquet"
    kind = ScoredBatch

    def __init__(self, shared: Shared) -> None:
        table = shared.table
        super().__init__(shared, table.scored, table.scores, table.scored_corpus)


class ClassedPart(PairPart):
    """Batches of pairs with a class."""

    unit = "classed_pairs"
    shape = "classed"
    source = "data/triplets/classed.parquet"
    kind = ClassedBatch

    def __init__(self, shared: Shared) -> None:
        table = shared.table
        super().__init__(shared, table.classed, table.classes.astype(np.int64), table.classed_corpus)


class _PairBatches(Dataset[ScoredBatch | ClassedBatch]):
    def __init__(self, part: PairPart, rows: Ints) -> None:
        self.part = part
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> ScoredBatch | ClassedBatch:
        rows = self.rows[index]
        sentences, teacher = self.part.gathered(self.part.pairs[rows].T.reshape(-1))
        return self.part.kind(sentences, torch.from_numpy(self.part.labels[rows]), teacher)
