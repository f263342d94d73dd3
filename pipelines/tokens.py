"""Tokenise each distinct sentence once.

reads   data/triplets/{train,dev,positives}.parquet
does    fits or loads the model's tokenizer, numbers the sentences, tokenises them
writes  data/tokens/: ids, offsets, keys, triplets and known positives as .npy, tokenizer/, stats.json, made.json
"""

from pathlib import Path

import numpy as np

from terna.encoder import load_tokenizer
from terna.export import save_tokenizer
from terna.launch import stage
from terna.lineage import record
from terna.records import POSITIVES, TEXTS, TRIPLETS, read_table, write_json
from terna.sentences import distinct
from terna.settings import Settings
from terna.tokens import build, corpora

IN = [Path("data/triplets") / name for name in ("train.parquet", "dev.parquet", "positives.parquet")]
OUT = Path("data/tokens")


@stage
def main(settings: Settings) -> None:
    train, dev = (read_table(path, TRIPLETS) for path in IN[:2])
    positives = read_table(IN[2], POSITIVES)
    sentences = distinct(*(train[name] for name in TEXTS)).to_pylist()
    tokenizer = load_tokenizer(settings.model, sentences)
    table = build(train, dev, positives, tokenizer, settings.model.max_length)
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
            # in the order of the numbers in corpus.npy
            "corpora": corpora(train),
        },
        OUT / "stats.json",
    )
    record("tokens", IN, [OUT], OUT / "made.json")


if __name__ == "__main__":
    main()
