"""Each distinct sentence tokenised once: flat ids and offsets, memory-mapped; triplets and pairs as numbers of them."""

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Floats, Ints
from terna.data.numbering import Numbered, numbered
from terna.errors import DataError
from terna.records import PAIR, POSITIVES, TEXTS, read_arrays, write_arrays
from terna.sentences import Tokenizer, distinct, number, tokenize


@dataclass(frozen=True)
class TokenTable:
    """Tokenised sentences, and the triplets and scored pairs over them.

    ids: (tokens,) int32, all sentences one after another, special tokens included. offsets: (sentences + 1,) int64,
    sentence i is ids[offsets[i]:offsets[i + 1]]. keys: (sentences,) int64, equal for sentences that are equal after
    `fold`. train, dev: (n, 3) int32, anchor, positive, negative as sentence numbers. positives: (m, 2)
    int32, distinct and sorted, the keys of two sentences of `train` that were labelled an entailment, each pair in both
    directions. corpus: (n,) int16, which of `corpora` each row of `train` is from.

    scored: (p, 2) int32, pairs of sentence numbers. scores: (p,) float32, from 0 to 1. scored_corpus: (p,) int16. All
    three are empty where there are no scored pairs.
    """

    ids: Ints
    offsets: Ints
    keys: Ints
    train: Ints
    dev: Ints
    positives: Ints
    corpus: Ints
    scored: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    scores: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    scored_corpus: Ints = field(default_factory=lambda: np.zeros(0, np.int16))

    def save(self, folder: Path) -> None:
        """Write each array as .npy into `folder`, beside what else is there."""
        write_arrays(vars(self), folder)

    @classmethod
    def load(cls, folder: Path) -> "TokenTable":
        """Map the arrays of `folder` into memory, read-only; DataError if one is missing or broken."""
        return cls(**read_arrays([each.name for each in fields(cls)], folder, stage="tokens"))


def build(
    train: pa.Table,
    dev: pa.Table,
    positives: pa.Table,
    scored: pa.Table,
    tokenizer: Tokenizer,
    max_length: int,
    prompt: str = "",
) -> TokenTable:
    """Number the distinct sentences of two TRIPLETS tables and a SCORED_PAIRS table, and tokenise each once.

    The known positives of a POSITIVES table are numbered with them.

    max_length: tokens that a sentence is cut to, those of `prompt`, which is put before it, included.

    Raises DataError when a known positive is in no triplet.
    """
    found, (trained, developed, pairs) = rows_of(train, dev, scored)
    ids, offsets = tokenize(tokenizer, [prompt + text for text in found.texts.to_pylist()], max_length)
    names = pa.array(corpora(train, scored), pa.string())
    corpus, scored_corpus = (number(table["corpus"], names).astype(np.int16) for table in (train, scored))
    scores = scored["score"].to_numpy().astype(np.float32)
    known = _known(positives, found)
    return TokenTable(ids, offsets, found.keys, trained, developed, known, corpus, pairs, scores, scored_corpus)


def rows_of(*tables: pa.Table) -> tuple[Numbered, list[Ints]]:
    """The sentences of TRIPLETS and SCORED_PAIRS tables; each table's (n, 3) or (n, 2) int32 as sentence numbers."""
    columns = [[name for name in (*TEXTS, *PAIR) if name in table.column_names] for table in tables]
    found = numbered(*(table[name] for table, names in zip(tables, columns, strict=True) for name in names))
    numbers = iter(found.numbers)
    return found, [np.stack([next(numbers) for _ in names], axis=1).astype(np.int32) for names in columns]


def corpora(*tables: pa.Table) -> list[str]:
    """The corpora of TRIPLETS and SCORED_PAIRS tables by name, as TokenTable numbers them."""
    names: list[str] = distinct(*(table["corpus"] for table in tables)).to_pylist()
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
