"""Tokenise each distinct sentence once.

reads   data/triplets/{train,dev,positives,scored}.parquet, data/parallel/sentences.parquet
does    fits or loads the model's tokenizer, adds the words that model.vocabulary asks for, numbers the sentences,
        tokenises them
writes  data/tokens/: ids, offsets, keys, triplets, known positives and scored pairs as .npy, tokenizer/,
        lexicon.parquet and starts.parquet (what words mean, and what their vectors start from), stats.json, made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from terna.data.token_table import build, corpora
from terna.data.word_alignment import lexicon
from terna.encoder import load_tokenizer, prompt_of
from terna.encoder.saved import save_tokenizer
from terna.encoder.vocabulary import adapt, words
from terna.provenance import record
from terna.records import (
    LEXICON,
    PAIR,
    PARALLEL,
    POSITIVES,
    SCORED_PAIRS,
    STARTS,
    TEXTS,
    TRIPLETS,
    read_table,
    write_json,
    write_table,
)
from terna.sentences import distinct
from terna.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IN = [Path("data/triplets") / f"{name}.parquet" for name in ("train", "dev", "positives", "scored")]
PARALLEL_IN = Path("data/parallel/sentences.parquet")
OUT = Path("data/tokens")


@stage
def main(settings: Settings) -> str:
    train, dev = (read_table(path, TRIPLETS) for path in IN[:2])
    positives, scored = read_table(IN[2], POSITIVES), read_table(IN[3], SCORED_PAIRS)
    texts = [*(train[name] for name in TEXTS), *(scored[name] for name in PAIR)]
    sentences = distinct(*texts).to_pylist()
    tokenizer = with_words(load_tokenizer(settings.model, sentences), settings)
    table = build(train, dev, positives, scored, tokenizer, settings.model.max_length, prompt_of(settings.model))
    table.save(OUT)
    save_tokenizer(tokenizer, OUT / "tokenizer", settings.model.max_length)
    lengths = np.diff(table.offsets)
    cut = int((lengths == settings.model.max_length).sum())
    write_json(
        {
            "sentences": len(lengths),
            "tokens": len(table.ids),
            "longest": int(lengths.max()),
            "at_max_length": cut,
            "vocabulary": len(tokenizer),
            # in the order of the numbers in corpus.npy and scored_corpus.npy
            "corpora": corpora(train, scored),
        },
        OUT / "stats.json",
    )
    record("tokens", settings, [*IN, PARALLEL_IN], [OUT], OUT / "made.json")
    return (
        f"{len(lengths)} sentences, {len(table.ids)} tokens of a vocabulary of {len(tokenizer)}, {cut} that reach "
        f"model.max_length ({settings.model.max_length})"
    )


def with_words(tokenizer: "PreTrainedTokenizerBase", settings: Settings) -> "PreTrainedTokenizerBase":
    """The tokenizer with the words that model.vocabulary asks for; what they mean and start from is written down."""
    asked, found, starts = settings.model.vocabulary, LEXICON.empty_table(), STARTS.empty_table()
    if asked:
        pairs = read_table(PARALLEL_IN, PARALLEL).slice(0, asked.sentences)
        sides = (words(tokenizer, pairs[side].to_pylist()) for side in ("target", "source"))
        found = lexicon(*sides)
        tokenizer, starts = adapt(tokenizer, found, min_count=asked.min_count, own_pieces=asked.own_pieces)
    write_table(found, OUT / "lexicon.parquet", LEXICON)
    write_table(starts, OUT / "starts.parquet", STARTS)
    return tokenizer


if __name__ == "__main__":
    main()
