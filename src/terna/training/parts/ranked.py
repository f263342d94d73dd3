"""Triplets and tuples: duplicate-free batches of anchors, positives and any number of negatives."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from terna.arrays import Ints
from terna.encoder import Batch
from terna.training.false_negatives import known
from terna.training.parts.part import APART, Shared, TablePart


class RankedBatch(NamedTuple):
    """What a process gets of a batch: its anchors, then their positives, then each column of negatives.

    known: (B, (columns - 1) N) bool, which of the candidates, all positives and then all negatives, are known positives
    of the process's anchors; where anchors and positives are contrasted too, then (B, N) of which of all anchors its
    anchors, and of which of all positives its positives are. known_anchors: (B, N) bool, of which of all anchors its
    own positives are known positives.
    teacher: (columns B, dimension), the teacher's vectors of the sentences. None where they are not asked for. columns:
    texts of an example.
    """

    sentences: Batch
    known: Tensor | None
    known_anchors: Tensor | None
    teacher: Tensor | None = None
    columns: int = 3


class RankedPart(TablePart):
    """Duplicate-free batches of triplets, or of tuples of one width; the order of epoch e is a function of (seed, e).

    width: the tuples of so many texts, in place of the triplets. widest: see `TokenTable.tuples_of`.
    known_positives: hand out which candidates are no wrong answers.
    contrast: the columns, 0 the anchors, 1 the positives, whose texts are compared with each other.
    gather: candidates are those of all processes. Raises DataError when not a single full batch can be made, unless
    none is required.
    """

    unit = "triplets"
    apart = APART
    shape = "tuples"
    source = "data/triplets/train.parquet"
    kind = RankedBatch

    def __init__(
        self,
        shared: Shared,
        *,
        width: int | None = None,
        widest: int | None = None,
        required: bool = True,
        known_positives: bool = False,
        contrast: Sequence[int] = (),
        gather: bool = True,
    ) -> None:
        super().__init__(shared)
        self.known_positives = known_positives
        self.contrast = contrast
        self.gather = gather
        self.places: Ints | None = None
        self.numbers, self.corpus = self.examples(width, widest)
        if required:
            self.check_steps()

    def examples(self, width: int | None, widest: int | None) -> tuple[Ints, Ints]:
        """The sentence numbers of each example, (n, columns), and its corpus, (n,)."""
        if width is None:
            return self.table.train, self.table.corpus
        self.unit, self.source = f"tuples_of_{width}", "data/triplets/tuples.parquet"
        self.places, numbers = self.table.tuples_of(width, widest)
        return numbers, self.table.tuple_corpus[self.places]

    @property
    def count(self) -> int:
        """Triplets, or tuples of the width, that there are."""
        return len(self.numbers)

    @property
    def columns(self) -> int:
        """Texts of an example."""
        return int(self.numbers.shape[1])

    @property
    def left_out(self) -> list[int]:
        """Examples of each epoch that are in no batch of it."""
        return self.unplanned(self.corpus)

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which examples each batch of an epoch holds, as rows of `numbers`."""
        return self.planned(self.numbers, self.corpus, epoch)

    def in_source(self, rows: Ints) -> Ints:
        """Where examples stand in the file of their source."""
        return rows if self.places is None else self.places[rows]

    def batches(self, rows: Ints, own: Ints) -> "_RankedBatches":
        """The examples of a process, and what they are ranked among."""
        return _RankedBatches(self, rows, own)


class _RankedBatches(Dataset[RankedBatch]):
    """An epoch's batches `rows`, of each the share `own` that a process takes."""

    def __init__(self, part: RankedPart, rows: Ints, own: Ints) -> None:
        self.part = part
        self.rows = rows
        self.own = own

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> RankedBatch:
        part, table = self.part, self.part.table
        own = part.numbers[self.own[index]].T
        sentences, teacher = part.gathered(own.reshape(-1))
        if not part.known_positives:
            return part.kind(sentences, None, None, teacher, part.columns)
        every = part.numbers[self.rows[index]].T if part.gather else own
        anchors, positives, candidates = table.keys[own[0]], table.keys[own[1]], table.keys[every[1:].reshape(-1)]
        pairs = [(anchors, candidates), *((table.keys[own[at]], table.keys[every[at]]) for at in part.contrast)]
        of_candidates = np.concatenate([known(*pair, table.positives) for pair in pairs], axis=1)
        masks = of_candidates, known(positives, table.keys[every[0]], table.positives)
        mask, mask_of_anchors = map(torch.from_numpy, masks)
        return part.kind(sentences, mask, mask_of_anchors, teacher, part.columns)
