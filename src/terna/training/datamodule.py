"""The parts of a run: an epoch's planned batches of one kind, gathered from memory-mapped tokens."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
from terna.training.false_negatives import known
from terna.training.resumable import Part

Arrange = Callable[[Any, Any], Batch]


class Triplets(NamedTuple):
    """What a process gets of a batch: its anchors, then their positives, then their negatives.

    known: (B, 2 N) bool, which of the candidates, all positives and then all negatives, are known positives of the
    process's anchors. known_anchors: (B, N) bool, of which of all anchors its own positives are known positives.
    teacher: (3 B, dimension), the teacher's vectors of the sentences. None where they are not asked for.
    """

    sentences: Batch
    known: Tensor | None
    known_anchors: Tensor | None
    teacher: Tensor | None = None


class TaughtBatch(NamedTuple):
    """What a process gets of a batch of sentences that are taught.

    sentences: its own, and then their sources where the student learns these too. teacher: (B, dimension), the
    teacher's vectors.
    """

    sentences: Batch
    teacher: Tensor


class ScoredBatch(NamedTuple):
    """What a process gets of a batch of scored pairs: the first sentences and then the second; scores (B,).

    teacher: (2 B, dimension), the teacher's vectors of the sentences; None where they are not asked for.
    """

    sentences: Batch
    scores: Tensor
    teacher: Tensor | None = None


class TripletPart(Part):
    """Duplicate-free batches of triplets; the order of epoch e is a function of (seed, e).

    batch_size: triplets of a step, over all processes; each takes an equal share of one plan. arrange: how token ids
    and lengths become the encoder's batch. weights: how often each corpus's triplets are gone through in an epoch, by
    the number in `table.corpus`. known_positives: hand out which candidates are no wrong answers. gather: candidates
    are those of all processes. taught: the teacher's vectors of the table's sentences, to be handed out.
    Raises DataError when not a single full batch can be made, or the teacher had other sentences.
    """

    unit = "triplets"
    loss = "ranking"
    source = "data/triplets/train.parquet"

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
        taught: TeacherVectors | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, epochs=epochs)
        self.table = table
        self.arrange = arrange
        self.seed = seed
        self.weights = weights
        self.known_positives = known_positives
        self.gather = gather
        self.taught = taught
        _check_taught(taught, table)
        if not min(self.steps):
            raise DataError(
                f"train.batch_size: no batch of {batch_size} triplets without a repeated text can be made from "
                f"{len(table.train)} triplets; lower it, or add data"
            )

    @property
    def count(self) -> int:
        """Triplets that there are."""
        return len(self.table.train)

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

    def batches(self, rows: Ints, own: Ints) -> "_Batches":
        """The triplets of a process, and what they are ranked among."""
        return _Batches(self, rows, own)


class TranslationPart(Part):
    """Batches of translated sentences; the order of epoch e is a function of (seed, e).

    batch_size: pairs of a step, over all processes. sources: hand out the source sentences too. arrange: see
    TripletPart. Raises DataError when there are fewer pairs than a batch.
    """

    unit = "translations"
    loss = "distillation"
    source = "data/parallel/sentences.parquet"

    def __init__(
        self,
        taught: TeacherVectors,
        arrange: Arrange,
        *,
        batch_size: int,
        epochs: int,
        seed: int,
        sources: bool,
    ) -> None:
        super().__init__(batch_size=batch_size, epochs=epochs)
        self.taught = taught
        self.arrange = arrange
        self.seed = seed
        self.sources = sources
        if len(taught) < batch_size:
            raise DataError(
                f"train.batch_size: no batch of {batch_size} can be made from {len(taught)} {self.unit}; lower it, or "
                "add data"
            )

    @property
    def count(self) -> int:
        """Pairs that there are."""
        return len(self.taught)

    @property
    def left_out(self) -> list[int]:
        """Pairs of each epoch that are in no batch of it."""
        return [self.count % self.batch_size] * self.epochs

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


class ScoredPart(Part):
    """Batches of scored pairs; the order of epoch e is a function of (seed, e).

    batch_size: pairs of a step, over all processes. weights: how often each corpus's pairs are gone through in an
    epoch, by the number in `table.scored_corpus`. at_end: the batches of all epochs come in the last one. arrange,
    taught: see TripletPart. Raises DataError when an epoch has fewer pairs than a batch, or the teacher had other
    sentences.
    """

    unit = "scored_pairs"
    loss = "CoSENT"
    source = "data/triplets/scored.parquet"

    def __init__(
        self,
        table: TokenTable,
        arrange: Arrange,
        *,
        batch_size: int,
        epochs: int,
        seed: int,
        weights: Sequence[float],
        at_end: bool = False,
        taught: TeacherVectors | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, epochs=epochs)
        self.table = table
        self.arrange = arrange
        self.seed = seed
        self.weights = weights
        self.at_end = at_end
        self.taught = taught
        _check_taught(taught, table)
        if not min(len(self._planned(epoch)) for epoch in range(epochs)):
            raise DataError(
                f"train.batch_size: no batch of {batch_size} can be made from {self.count} scored pairs; lower it, "
                "or add data"
            )

    @property
    def count(self) -> int:
        """Pairs that there are."""
        return len(self.table.scored)

    @property
    def left_out(self) -> list[int]:
        """Pairs of each epoch that are in no batch of it."""
        left = [len(self._drawn(epoch)) % self.batch_size for epoch in range(self.epochs)]
        return [0] * (self.epochs - 1) + [sum(left)] if self.at_end else left

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which pairs each batch of an epoch holds, as rows of `table.scored`."""
        if not self.at_end:
            return self._planned(epoch)
        every = [self._planned(one) for one in range(self.epochs)] if epoch == self.epochs - 1 else []
        return np.concatenate([np.zeros((0, self.batch_size), np.int64), *every])

    def _planned(self, epoch: int) -> Ints:
        chosen = np.random.default_rng([self.seed, epoch]).permutation(self._drawn(epoch))
        return chosen[: len(chosen) - len(chosen) % self.batch_size].reshape(-1, self.batch_size)

    def _drawn(self, epoch: int) -> Ints:
        return drawn(self.table.scored_corpus, self.weights, self.seed, epoch)

    def batches(self, rows: Ints, own: Ints) -> "_ScoredBatches":
        """The pairs of a process."""
        return _ScoredBatches(self, own)


class _ScoredBatches(Dataset[ScoredBatch]):
    def __init__(self, part: ScoredPart, rows: Ints) -> None:
        self.part = part
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> ScoredBatch:
        table, taught, rows = self.part.table, self.part.taught, self.rows[index]
        sentences = table.scored[rows].T.reshape(-1)
        teacher = torch.from_numpy(taught.vectors[sentences]) if taught else None
        tokens = gather(table.ids, table.offsets, sentences)
        return ScoredBatch(self.part.arrange(*tokens), torch.from_numpy(table.scores[rows]), teacher)


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


class _Batches(Dataset[Triplets]):
    """An epoch's batches `rows`, of each the share `own` that a process takes."""

    def __init__(self, part: TripletPart, rows: Ints, own: Ints) -> None:
        self.part = part
        self.rows = rows
        self.own = own

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Triplets:
        table, own = self.part.table, self.part.table.train[self.own[index]].T
        sentences = self.part.arrange(*gather(table.ids, table.offsets, own.reshape(-1)))
        taught = self.part.taught
        teacher = torch.from_numpy(taught.vectors[own.reshape(-1)]) if taught else None
        if not self.part.known_positives:
            return Triplets(sentences, None, None, teacher)
        every = table.train[self.rows[index]].T if self.part.gather else own
        anchors, positives, candidates = table.keys[own[0]], table.keys[own[1]], table.keys[every[1:].reshape(-1)]
        masks = known(anchors, candidates, table.positives), known(positives, table.keys[every[0]], table.positives)
        mask, mask_of_anchors = map(torch.from_numpy, masks)
        return Triplets(sentences, mask, mask_of_anchors, teacher)


def _check_taught(taught: TeacherVectors | None, table: TokenTable) -> None:
    if taught and len(taught) != len(table.keys):
        raise DataError(
            f"data/teacher/vectors.npy: vectors of {len(taught)} sentences, but there are {len(table.keys)} in "
            "data/tokens; run the teacher stage (dvc repro teacher)"
        )
