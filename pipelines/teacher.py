"""Encode the training sentences once with the teacher or guide; without a setting that needs one, do nothing.

reads   data/triplets/{train,dev,positives,scored,tuples,classed,texts,sentences}.parquet, data/mined/tuples.parquet,
        data/parallel/sentences.parquet, data/tokens/tokenizer/
does    for train.distill: the teacher's vectors of the source sentences, and the student's tokens of both sides; for
        monolingual text, both sides are the same sentences, without those of held-out triplets.
        for train.similarity_distillation and train.guide: vectors of the sentences of all examples, in the order of
        data/tokens/
writes  data/teacher/: vectors, ids, offsets as .npy, sentences.parquet (the monolingual text), teacher.json (the
        teacher's identity), made.json
"""

from terna.running.stage import stage

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from terna.data.examples import Tables
from terna.data.numbering import once
from terna.provenance import record
from terna.records import (
    PARALLEL,
    SENTENCES,
    TEXTS,
    TRIPLETS,
    read_table,
    write_arrays,
    write_json,
    write_table,
)
from terna.sentences import tokenize
from terna.settings import Distill, Model, Settings, named
from terna.settings.devices import device_of

if TYPE_CHECKING:
    from terna.systems import System

PAIRS = Path("data/parallel/sentences.parquet")
TRIPLETS_IN = Path("data/triplets")
SENTENCES_IN = TRIPLETS_IN / "sentences.parquet"
MINED_IN = Path("data/mined")
TOKENIZER = Path("data/tokens/tokenizer")
OUT = Path("data/teacher")


class Distillation(NamedTuple):
    """What a teacher encodes, and the sentences whose tokens the student needs, those that it learns first."""

    teacher: str | None
    taught: list[str]
    learnt: list[str]


@stage
def main(settings: Settings) -> str:
    (OUT / "sentences.parquet").unlink(missing_ok=True)  # an earlier run's
    asked = distillation_of(settings)
    described: dict[str, Any] | None = None
    threads: int | None = None
    ids, offsets = np.zeros(0, np.int32), np.zeros(1, np.int64)
    if asked:
        from terna.systems import store_vectors

        teacher, described = teacher_of(asked.teacher, settings)
        store_vectors(teacher, asked.taught, OUT / "vectors.npy", name="teacher", progress=settings.machine.progress)
        threads = computing_threads()
        ids, offsets = student_tokens(asked.learnt, settings.model)
    else:
        write_arrays({"vectors": np.zeros((0, 0), np.float32)}, OUT)
    write_arrays({"ids": ids, "offsets": offsets}, OUT)
    write_json(described, OUT / "teacher.json")
    read = [PAIRS, *Tables.paths(TRIPLETS_IN, MINED_IN), SENTENCES_IN, TOKENIZER]
    record("teacher", settings, read, [OUT], OUT / "made.json", threads=threads)
    if asked is None or described is None:
        return "train.distill, train.similarity_distillation and train.guide are null: nothing encoded"
    return f"{len(asked.taught)} sentences encoded by {described['where']}"


def distillation_of(settings: Settings) -> Distillation | None:
    """What is taught, and by whom; None where nothing is."""
    train = settings.train
    if train.distill:
        return distilled(train.distill)
    if train.guide:  # and teacher, where there is one: they are one encoder
        return of_examples(train.guide.encoder, settings.model)
    if train.similarity_distillation:
        return of_examples(train.similarity_distillation.teacher, settings.model)
    return None


def of_examples(teacher: str | None, model: Model) -> Distillation:
    """What a run that ranks has encoded: the sentences of all examples, whose tokens there are."""
    from terna.encoder import prompts_of

    others = model.prompts.corpora if model.prompts else {}
    found = Tables.read(TRIPLETS_IN, MINED_IN).numbered(prompts_of(model), others)
    return Distillation(teacher, found.texts.to_pylist(), [])


def distilled(asked: Distill) -> Distillation:
    """What a student that ranks nothing has encoded; the monolingual text is written down."""
    pairs = read_table(PAIRS, PARALLEL)
    if asked.texts == "parallel":
        sources, targets = pairs["source"].to_pylist(), pairs["target"].to_pylist()
        return Distillation(asked.teacher, sources, [*targets, *sources])
    dev, sentences = read_table(TRIPLETS_IN / "dev.parquet", TRIPLETS), read_table(SENTENCES_IN, SENTENCES)
    text = once(sentences["sentence"], pairs["target"], without=[dev[name] for name in TEXTS])
    write_table(pa.table([text], schema=SENTENCES), OUT / "sentences.parquet", SENTENCES)
    return Distillation(asked.teacher, text.to_pylist(), text.to_pylist())


def teacher_of(where: str | None, settings: Settings) -> "tuple[System, dict[str, Any]]":
    """A teacher, by default the encoder that training starts from; and where it was, with its files' sha256."""
    from terna.encoder import load_start
    from terna.systems import digests_of, load_system, locate, placed

    device, model = device_of(settings.machine.accelerator), settings.model
    if where:
        return load_system(where, device), {"where": named(where), "sha256": digests_of(locate(where))}
    start, folder = load_start(model)
    name = f"{model.backbone}@{model.revision}" if model.revision else model.backbone
    return placed(start, device), {"where": named(name), "sha256": digests_of(folder)}


def computing_threads() -> int:
    """Those that torch computes with."""
    import torch

    return torch.get_num_threads()


def student_tokens(sentences: list[str], model: Model) -> tuple[Any, Any]:
    """The student's tokens of sentences, each after its default prompt: they are no queries and no documents."""
    from terna.encoder import prompts_of
    from terna.encoder.pretrained import read_tokenizer

    tokenizer, prompt = read_tokenizer(str(TOKENIZER)), prompts_of(model).default
    return tokenize(tokenizer, [prompt + text for text in sentences], model.max_length)


if __name__ == "__main__":
    main()
