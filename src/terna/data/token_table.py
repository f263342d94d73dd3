"""Each distinct sentence tokenised once: flat ids and offsets, memory-mapped; triplets as three integers into them."""

from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.errors import DataError
from terna.records import POSITIVES, TEXTS, replacing
from terna.sentences import Tokenizer, distinct, keys, number, tokenize

ARRAYS = ("ids", "offsets", "keys", "train", "dev", "positives", "corpus")


@dataclass(frozen=True)
class TokenTable:
    """Tokenised sentences and the triplets over them.

    ids: (tokens,) int32, all sentences one after another, special tokens included. offsets: (sentences + 1,) int64,
    sentence i is ids[offsets[i]:offsets[i + 1]]. keys: (sentences,) int64, equal for sentences that are equal after
    strip and casefold. train, dev: (n, 3) int32, anchor, positive, negative as sentence numbers. positives: (m, 2)
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
        for name in ARRAYS:
            with replacing(folder / f"{name}.npy") as beside, beside.open("wb") as file:
                np.save(file, getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "TokenTable":
        """Map the arrays of `folder` into memory, read-only; DataError if one is missing or broken."""
        arrays = {}
        for name in ARRAYS:
            path = folder / f"{name}.npy"
            try:
                arrays[name] = np.lib.format.open_memmap(path, mode="r")
            except (OSError, ValueError, TokenError) as error:
                raise DataError(f"{path}: {error}; run the tokens stage (dvc repro tokens)") from error
        return cls(**arrays)


def build(train: pa.Table, dev: pa.Table, positives: pa.Table, tokenizer: Tokenizer, max_length: int) -> TokenTable:
    """Number the distinct sentences of two TRIPLETS tables, tokenise each once, and number a POSITIVES table.

    Raises DataError when a known positive is in no triplet.
    """
    texts = distinct(*(table[name] for table in (train, dev) for name in TEXTS))
    ids, offsets = tokenize(tokenizer, texts.to_pylist(), max_length)
    classes = keys(texts)
    known = _known(positives, texts, classes)
    corpus = number(train["corpus"], pa.array(corpora(train), pa.string())).astype(np.int16)
    return TokenTable(ids, offsets, classes, _rows(train, texts), _rows(dev, texts), known, corpus)


def corpora(train: pa.Table) -> list[str]:
    """The corpora of a TRIPLETS table by name, as TokenTable numbers them."""
    names: list[str] = distinct(train["corpus"]).to_pylist()
    return names


def _rows(triplets: pa.Table, texts: pa.Array) -> Ints:
    return np.stack([number(triplets[name], texts) for name in TEXTS], axis=1).astype(np.int32)


def _known(positives: pa.Table, texts: pa.Array, classes: Ints) -> Ints:
    columns = [pc.index_in(positives[name], value_set=texts) for name in POSITIVES.names]
    if any(column.null_count for column in columns):
        raise DataError(
            "data/triplets/positives.parquet: a sentence of it is in no triplet, so it was made with others; "
            "run the triplets stage (dvc repro triplets)"
        )
    pairs = np.stack([classes[column.to_numpy()] for column in columns], axis=1)
    return np.unique(pairs, axis=0).astype(np.int32)
