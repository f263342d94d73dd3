"""Each distinct sentence tokenised once: flat ids and offsets, memory-mapped; examples as numbers of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Floats, Ints
from terna.data.examples import NO_OTHERS, Sentences, Tables
from terna.records import read_arrays, write_array, write_arrays
from terna.sentences import NO_PROMPTS, Prompts, Tokenizer, number, offsets_of, token_chunks, word_numbers


def _none(kind: type[np.generic], *shape: int) -> Callable[[], Ints]:
    return lambda: np.zeros((0, *shape), kind)


@dataclass(frozen=True)
class TokenTable:
    """Tokenised sentences, and the examples over them.

    ids: (tokens,) int32, all sentences one after another, prompts and special tokens included. offsets:
    (sentences + 1,) int64, sentence i is ids[offsets[i]:offsets[i + 1]]; a text with two prompts is two sentences.
    keys: (sentences,) int64, equal for sentences whose texts, without prompts, are equal after `fold`. train, dev:
    (n, 3) int32, anchor, positive, negative as sentence numbers. positives: (m, 2) int32, distinct and sorted, the keys
    of two sentences that are known to follow: those of `train` that were labelled an entailment, and anchor and
    positive of each tuple, each pair in both directions. corpus: (n,) int16, which of `Tables.corpora` each row of
    `train` is from.

    scored: (p, 2) int32, pairs of sentence numbers. scores: (p,) float32, from 0 to 1. scored_corpus: (p,) int16.

    tuples: (texts,) int32, all tuples one after another, each the sentence numbers of its anchor, its positive and its
    negatives. tuple_offsets: (t + 1,) int64, tuple i is tuples[tuple_offsets[i]:tuple_offsets[i + 1]]. tuple_corpus:
    (t,) int16.

    classed: (c, 2) int32, pairs of sentence numbers. classes: (c,) int32, which of `Tables.classes` each pair has.
    classed_corpus: (c,) int16.

    texts: (x,) int32, sentence numbers of raw texts. text_words: (w,) int32, for the tokens of all of them, one text
    after another, which word of the text each is of: see `word_numbers`. texts_corpus: (x,) int16.

    All are empty where there are no such examples.
    """

    ids: Ints
    offsets: Ints
    keys: Ints
    train: Ints
    dev: Ints
    positives: Ints
    corpus: Ints
    scored: Ints = field(default_factory=_none(np.int32, 2))
    scores: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    scored_corpus: Ints = field(default_factory=_none(np.int16))
    tuples: Ints = field(default_factory=_none(np.int32))
    tuple_offsets: Ints = field(default_factory=lambda: np.zeros(1, np.int64))
    tuple_corpus: Ints = field(default_factory=_none(np.int16))
    classed: Ints = field(default_factory=_none(np.int32, 2))
    classes: Ints = field(default_factory=_none(np.int32))
    classed_corpus: Ints = field(default_factory=_none(np.int16))
    texts: Ints = field(default_factory=_none(np.int32))
    text_words: Ints = field(default_factory=_none(np.int32))
    texts_corpus: Ints = field(default_factory=_none(np.int16))

    def save(self, folder: Path) -> None:
        """Write each array as .npy into `folder`, beside what else is there."""
        write_arrays(vars(self), folder)

    @classmethod
    def load(cls, folder: Path) -> "TokenTable":
        """Map the arrays of `folder` into memory, read-only; DataError if one is missing or broken."""
        return cls(**read_arrays([each.name for each in fields(cls)], folder, stage="tokens"))

    @property
    def widths(self) -> Ints:
        """(t,): how many texts each tuple has."""
        return np.diff(self.tuple_offsets)

    def tuples_of(self, width: int, widest: int | None = None) -> tuple[Ints, Ints]:
        """The tuples of `width` texts: which ones, (m,), and their sentence numbers, (m, width) int32.

        widest: those of up to so many texts too, without their last negatives.
        """
        rows = np.flatnonzero((self.widths >= width) & (self.widths <= (widest or width)))
        return rows, self.tuples[self.tuple_offsets[rows][:, None] + np.arange(width)]


def store(
    tables: Tables,
    tokenizer: Tokenizer,
    max_length: int,
    folder: Path,
    prompts: Prompts = NO_PROMPTS,
    others: Mapping[str, str] = NO_OTHERS,
) -> TokenTable:
    """Number the distinct sentences of all tables, and tokenise each once with each prompt that is put before it.

    The table is saved in `folder`, tokens as they are made, and mapped into memory. max_length: tokens that a sentence
    is cut to, those of its prompt included. others: see `Tables.numbered`.

    Raises DataError when a known positive is in no triplet.
    """
    found = tables.numbered(prompts, others)
    lengths: list[Ints] = []

    def ids() -> Iterator[Ints]:
        for part, counts in token_chunks(tokenizer, found.prompted(), max_length):
            lengths.append(counts)
            yield part

    write_array(ids(), np.int32, folder / "ids.npy")
    write_arrays({"offsets": offsets_of(lengths)}, folder)
    write_arrays(_examples(tables, found, tokenizer, max_length, prompts), folder)
    return TokenTable.load(folder)


def _examples(
    tables: Tables, found: Sentences, tokenizer: Tokenizer, max_length: int, prompts: Prompts
) -> dict[str, Any]:
    """All of a TokenTable but the tokens."""
    columns = found.columns
    names = pa.array(tables.corpora, pa.string())
    corpora = [number(table["corpus"], names).astype(np.int16) for table in tables.trained]
    anchors, positives, negatives = columns["tuples"]
    return {
        "keys": found.keys,
        "train": rows_of(columns["train"]),
        "dev": rows_of(columns["dev"]),
        "positives": _known(found, anchors, positives),
        "corpus": corpora[0],
        "scored": rows_of(columns["scored"]),
        "scores": tables.scored["score"].to_numpy().astype(np.float32),
        "scored_corpus": corpora[1],
        **_ragged(anchors, positives, negatives, pc.list_value_length(tables.tuples["negatives"]).to_numpy()),
        "tuple_corpus": corpora[2],
        "classed": rows_of(columns["classed"]),
        "classes": number(tables.classed["class"], pa.array(tables.classes, pa.string())).astype(np.int32),
        "classed_corpus": corpora[3],
        "texts": columns["texts"][0].astype(np.int32),
        "text_words": word_numbers(tokenizer, tables.texts["text"].to_pylist(), max_length, prompts.before("default")),
        "texts_corpus": corpora[4],
    }


def rows_of(columns: list[Ints]) -> Ints:
    """Columns of sentence numbers as rows, int32."""
    return np.stack(columns, axis=1, dtype=np.int32, casting="same_kind")


def _ragged(anchors: Ints, positives: Ints, negatives: Ints, counts: Ints) -> dict[str, Ints]:
    """Tuples one after another; counts: of the negatives of each."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts.astype(np.int64) + 2)])
    tuples = np.empty(offsets[-1], np.int32)
    wrong = np.ones(len(tuples), np.bool_)
    for place, column in enumerate((anchors, positives)):
        tuples[offsets[:-1] + place] = column
        wrong[offsets[:-1] + place] = False
    tuples[wrong] = negatives
    return {"tuples": tuples, "tuple_offsets": offsets}


def _known(found: Sentences, anchors: Ints, others: Ints) -> Ints:
    """What is known to follow: `found.known`, and the anchors and positives of tuples in both directions."""
    labelled, follows = found.known
    ahead, back = found.keys[anchors], found.keys[others]
    first, second = np.concatenate([labelled, ahead, back]), np.concatenate([follows, back, ahead])
    # as one number each: rows would be sorted ten times as slowly
    pairs = np.unique(first << 32 | second)
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF], axis=1).astype(np.int32)
