"""Raw text: duplicate-free batches in which a text is its own positive, or is to be restored from some of its words."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from terna.arrays import Bools, Ints
from terna.encoder import Batch
from terna.errors import DataError
from terna.sentences import gather
from terna.settings.training import DELETED
from terna.training.parts.part import APART, Shared, TablePart
from terna.training.parts.ranked import RankedBatch, RankedPart

# apart from the streams that other modules draw from [seed, epoch]
_STREAM = 3


class TextBatch(RankedBatch):
    """A RankedBatch of texts: all of them, and then all of them again, for which dropout is drawn again."""


class NoisyBatch(NamedTuple):
    """What a process gets of a batch of texts of which words were deleted.

    sentences: what is left. whole: (B, longest) int64, the tokens of the whole texts, each with -1 after its end.
    teacher: (B, dimension), the teacher's vectors of the whole texts; None where they are not asked for.
    """

    sentences: Batch
    whole: Tensor
    teacher: Tensor | None = None


class TextPart(RankedPart):
    """Texts that are their own positives; see RankedPart."""

    unit = "texts"
    shape = "texts"
    source = "data/triplets/texts.parquet"
    kind = TextBatch

    def examples(self, width: int | None, widest: int | None) -> tuple[Ints, Ints]:
        """Each text twice, (n, 2), and its corpus, (n,)."""
        return np.stack([self.table.texts, self.table.texts], axis=1), self.table.texts_corpus

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which texts each batch of an epoch holds."""
        return self.planned(self.numbers[:, :1], self.corpus, epoch)


class NoisyPart(TablePart):
    """Texts of which words are deleted; which ones is a function of (seed, the texts of the whole batch).

    Raises DataError when not a single full batch can be made, and for a tokenizer that knows no words.
    """

    unit = "texts"
    apart = APART
    shape = "texts"
    source = "data/triplets/texts.parquet"

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        table = shared.table
        lengths = np.diff(table.offsets)[table.texts]
        self.bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        self.check_steps()
        if table.text_words.max(initial=-1) < 1:
            raise DataError(
                "train.loss.texts: tsdae deletes words, and the tokenizer cuts no text of data/triplets/texts.parquet "
                "into words; choose simcse"
            )

    @property
    def count(self) -> int:
        """Texts that there are."""
        return len(self.table.texts)

    @property
    def left_out(self) -> list[int]:
        """Texts of each epoch that are in no batch of it."""
        return self.unplanned(self.table.texts_corpus)

    def rows(self, epoch: int) -> Ints:
        """(steps, batch_size): which texts each batch of an epoch holds."""
        return self.planned(self.table.texts[:, None], self.table.texts_corpus, epoch)

    def batches(self, rows: Ints, own: Ints) -> "_NoisyBatches":
        """The texts of a process."""
        return _NoisyBatches(self, rows, own)

    def words(self, rows: Ints) -> Ints:
        """(tokens,): for the tokens of these texts which word of its text each is of, -1 of none."""
        found, _ = gather(self.table.text_words, self.bounds, rows)
        return found


class _NoisyBatches(Dataset[NoisyBatch]):
    """An epoch's batches `rows`, of each the share `own` that a process takes."""

    def __init__(self, part: NoisyPart, rows: Ints, own: Ints) -> None:
        self.part = part
        self.rows = rows
        self.own = own

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> NoisyBatch:
        part, every, own = self.part, self.rows[index], self.own[index]
        table = part.table
        ids, lengths = gather(table.ids, table.offsets, table.texts[own])
        rng = np.random.default_rng([part.shared.seed, _STREAM, *every.tolist()])
        every_lengths = np.diff(part.bounds)[every]
        kept = left(part.words(every), every_lengths, rng)[np.repeat(np.isin(every, own), every_lengths)]
        texts = np.repeat(np.arange(len(own)), lengths)
        noisy = part.shared.arrange(ids[kept], np.bincount(texts[kept], minlength=len(own)))
        whole = np.full((len(own), lengths.max()), -1)
        whole[np.arange(whole.shape[1]) < lengths[:, None]] = ids
        return NoisyBatch(noisy, torch.from_numpy(whole), part.taught(table.texts[own]))


def left(words: Ints, lengths: Ints, rng: np.random.Generator) -> Bools:
    """Which tokens are left, (tokens,), when each word is deleted with probability DELETED.

    words: (tokens,), for the tokens of some texts which word of its text each is of, -1 of none: that token stays.
    lengths: (n,), tokens of each text. One word of a text always stays, any of them as likely.

    Source: Wang, Reimers and Gurevych, TSDAE, 2021, section 3.
    """
    texts = np.repeat(np.arange(len(lengths)), lengths)
    counts = np.zeros(len(lengths), np.int64)
    np.maximum.at(counts, texts, words + 1)
    firsts = np.cumsum(counts) - counts
    draws = rng.random(counts.sum())
    owners = np.repeat(np.arange(len(lengths)), counts)
    highest = np.zeros(len(lengths))
    np.maximum.at(highest, owners, draws)
    # the highest draw is at or above the bound if any is, and else the one of a word at random
    stays = (draws >= DELETED) | (draws == highest[owners])
    tokens = words < 0
    tokens[~tokens] = stays[(firsts[texts] + words)[~tokens]]
    return np.asarray(tokens)
