"""Tokenise each distinct sentence once.

reads   data/triplets/{train,dev,positives,scored,tuples,classed,texts,sentences}.parquet, data/mined/tuples.parquet,
        data/parallel/sentences.parquet
does    fits or loads the model's tokenizer, adds words and removes entries according to model.vocabulary, numbers and
        tokenises the sentences
writes  data/tokens/: ids, offsets, keys, known positives and the examples of all shapes as .npy, tokenizer/,
        lexicon.parquet and starts.parquet (translations of new words, and what their vectors start from), kept.parquet
        (the entries of a vocabulary that was cut), stats.json, made.json
"""

from terna.running.stage import stage

from collections.abc import Iterator
from itertools import cycle
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from terna.arrays import take
from terna.data.examples import Tables, texts_of
from terna.data.numbering import distinct, numbered, once
from terna.data.token_table import store
from terna.data.word_alignment import lexicon
from terna.encoder import load_tokenizer, prompts_of
from terna.encoder.build import embeddings_of
from terna.encoder.saved import save_tokenizer
from terna.encoder.vocabulary import adapt, words
from terna.encoder.vocabulary_cut import changed, cut, used
from terna.provenance import record
from terna.records import KEPT, LEXICON, PARALLEL, SENTENCES, STARTS, TEXTS, read_table, write_json, write_table
from terna.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedTokenizerBase

IN = Path("data/triplets")
SENTENCES_IN = IN / "sentences.parquet"
MINED_IN = Path("data/mined")
PARALLEL_IN = Path("data/parallel/sentences.parquet")
OUT = Path("data/tokens")
# sentences that a tokenizer is fitted on at most: more would change few of its entries, and take gigabytes
FITTED = 2_000_000


@stage
def main(settings: Settings) -> str:
    tables = Tables.read(IN, MINED_IN)
    tokenizer = with_words(load_tokenizer(settings.model, sample(tables)), settings)
    tokenizer, account = cut_down(tokenizer, settings, tables.dev)
    prompts = settings.model.prompts
    others = prompts.corpora if prompts else {}
    table = store(tables, tokenizer, settings.model.max_length, OUT, prompts_of(settings.model), others)
    save_tokenizer(tokenizer, OUT / "tokenizer", settings.model.max_length)
    lengths = np.diff(table.offsets)
    longest = int((lengths == settings.model.max_length).sum())
    write_json(
        {
            "sentences": len(lengths),
            "tokens": len(table.ids),
            "longest": int(lengths.max()),
            "at_max_length": longest,
            "vocabulary": len(tokenizer),
            "vocabulary_cut": account,
            # in the order of the numbers in corpus.npy and the other …_corpus.npy
            "corpora": tables.corpora,
            # in the order of the numbers in classes.npy; missing where there are none
            **({"classes": tables.classes} if len(tables.classed) else {}),
        },
        OUT / "stats.json",
    )
    read = [*Tables.paths(IN, MINED_IN), SENTENCES_IN, PARALLEL_IN]
    record("tokens", settings, read, [OUT], OUT / "made.json")
    return (
        f"{len(lengths)} sentences, {len(table.ids)} tokens of a vocabulary of {len(tokenizer)}{told(account)}, "
        f"{longest} that reach model.max_length ({settings.model.max_length})"
    )


def sample(tables: Tables) -> Iterator[str]:
    """The distinct sentences that are trained on, for a tokenizer that is fitted: of more than FITTED every so many."""
    texts = numbered(*(column for table in tables.trained for column in texts_of(table))).texts
    chosen = take(texts, np.arange(0, len(texts), max(1, -(-len(texts) // FITTED))))
    for chunk in distinct(chosen).chunks:
        yield from chunk.to_pylist()


def with_words(tokenizer: "PreTrainedTokenizerBase", settings: Settings) -> "PreTrainedTokenizerBase":
    """The tokenizer with the words of model.vocabulary.words; what they mean and start from is written down."""
    asked, found, starts = settings.model.vocabulary.words, LEXICON.empty_table(), STARTS.empty_table()
    if asked:
        pairs = read_table(PARALLEL_IN, PARALLEL).slice(0, asked.sentences)
        sides = (words(tokenizer, pairs[side].to_pylist()) for side in ("target", "source"))
        found = lexicon(*sides)
        tokenizer, starts = adapt(tokenizer, found, min_count=asked.min_count, own_pieces=asked.own_pieces)
    write_table(found, OUT / "lexicon.parquet", LEXICON)
    write_table(starts, OUT / "starts.parquet", STARTS)
    return tokenizer


def cut_down(
    tokenizer: "PreTrainedTokenizerBase", settings: Settings, dev: "pa.Table"
) -> tuple["PreTrainedTokenizerBase", dict[str, Any] | None]:
    """The tokenizer with the entries that model.vocabulary.keep leaves, which are written down, and an account."""
    asked, found, account = settings.model.vocabulary.keep, KEPT.empty_table(), None
    if asked:
        (rows, width), before = embeddings_of(settings.model), tokenizer
        # each text once, so that counts are of sentences; with several prompts these take turns
        prompts = list(dict.fromkeys(prompts_of(settings.model)))
        used_texts, unseen = (list(map(add, cycle(prompts), texts)) for texts in held_apart(dev))
        counts = used(before, used_texts)
        tokenizer, found = cut(before, counts, min_count=asked.min_count, size=asked.size)
        account = {
            "sentences": len(used_texts),
            "entries_before": len(before),
            "entries": len(tokenizer),
            # of embeddings without an entry too; words that were added have theirs
            "parameters_fewer": (max(rows, len(before)) - len(tokenizer)) * width,
            "held_out": len(unseen),
            # the share that is cut into other pieces; null where nothing is held out
            "held_out_changed": changed(before, tokenizer, unseen),
        }
    write_table(found, OUT / "kept.parquet", KEPT)
    return tokenizer, account


def held_apart(dev: "pa.Table") -> tuple[list[str], list[str]]:
    """The distinct sentences that a vocabulary is cut to, and apart from them those of the held-out triplets."""
    unseen = [dev[name] for name in TEXTS]
    known = (read_table(SENTENCES_IN, SENTENCES)["sentence"], read_table(PARALLEL_IN, PARALLEL)["target"])
    return once(*known, without=unseen).to_pylist(), distinct(*unseen).to_pylist()


def told(account: dict[str, Any] | None) -> str:
    """What became of the vocabulary."""
    if not account:
        return ""
    if account["entries"] == account["entries_before"]:
        return " (nothing was cut: model.vocabulary.keep leaves every entry; lower its size or raise its min_count)"
    share = account["held_out_changed"]
    differently = "an undefined share" if share is None else f"{share:.2%}"
    return (
        f" (cut from {account['entries_before']}: {account['parameters_fewer']} parameters fewer, {differently} of "
        f"{account['held_out']} held-out sentences tokenised differently)"
    )


if __name__ == "__main__":
    main()
