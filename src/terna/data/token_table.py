"""Each distinct sentence tokenised once: flat ids and offsets, memory-mapped; triplets as three integers into them."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.data.numbering import Numbered, numbered
from terna.errors import DataError
from terna.records import POSITIVES, TEXTS, read_arrays, write_arrays
from terna.sentences import Tokenizer, distinct, number, tokenize


@dataclass(frozen=True)
class TokenTable:
    """Tokenised sentences and the triplets over them.

    ids: (tokens,) int32, all sentences one after another, special tokens included. offsets: (sentences + 1,) int64,
    sentence i is ids[offsets[i]:offsets[i + 1]]. keys: (sentences,) int64, equal for sentences that are equal after
    `fold`. train, dev: (n, 3) int32, anchor, positive, negative as sentence numbers. positives: (m, 2)
    int32, distinct and sorted, the keys of two sentences of `train` that were labelled an entailment, each pair in both
    directions. corpus: (n,) int16, which of `corpora(train)` each row of `train` is from.
    """

    ids: Ints
    offsets: Ints
    keys: Ints
    train: Ints
    dev: Ints
    positives: Ints
    corpus: Ints

    def save(self, folder: Path) -> None:
        """Write each array as .npy into `folder`, beside what else is there."""
        write_arrays(vars(self), folder)

    @classmethod
    def load(cls, folder: Path) -> "TokenTable":
        """Map the arrays of `folder` into memory, read-only; DataError if one is missing or broken."""
        return cls(**read_arrays([field.name for field in fields(cls)], folder, stage="tokens"))


def build(
    train: pa.Table, dev: pa.Table, positives: pa.Table, tokenizer: Tokenizer, max_length: int, prompt: str = ""
) -> TokenTable:
    """Number the distinct sentences of two TRIPLETS tables, tokenise each once, and number a POSITIVES table.

    max_length: tokens that a sentence is cut to, those of `prompt`, which is put before it, included.

    Raises DataError when a known positive is in no triplet.
    """
    found, (trained, developed) = rows_of(train, dev)
    ids, offsets = tokenize(tokenizer, [prompt + text for text in found.texts.to_pylist()], max_length)
    corpus = number(train["corpus"], pa.array(corpora(train), pa.string())).astype(np.int16)
    return TokenTable(ids, offsets, found.keys, trained, developed, _known(positives, found), corpus)


def rows_of(*tables: pa.Table) -> tuple[Numbered, list[Ints]]:
    """The sentences of TRIPLETS tables, and each table's (n, 3) int32 as sentence numbers."""
    found = numbered(*(table[name] for table in tables for name in TEXTS))
    numbers = iter(found.numbers)
    return found, [np.stack([next(numbers) for _ in TEXTS], axis=1).astype(np.int32) for _ in tables]


def corpora(train: pa.Table) -> list[str]:
    """The corpora of a TRIPLETS table by name, as TokenTable numbers them."""
    names: list[str] = distinct(train["corpus"]).to_pylist()
    return names


def _known(positives: pa.Table, found: Numbered) -> Ints:
    columns = [pc.index_in(positives[name], value_set=found.texts) for name in POSITIVES.names]
    if any(column.null_count for column in columns):
        raise DataError(
            "data/triplets/positives.parquet: a sentence of it is in no triplet, so it was made with others; "
            "run the triplets stage (dvc repro triplets)"
        )
    pairs = np.stack([found.keys[column.to_numpy()] for column in columns], axis=1)
    return np.unique(pairs, axis=0).astype(np.int32)
