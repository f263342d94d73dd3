"""A small training run in this process, built as pipelines/train.py builds its own: what tests of training share."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from composed import compose_once, small
from pytorch_lightning import Callback, Trainer

from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.encoder import Encoder
from terna.records import STARTS
from terna.sentences import tokenize, word_numbers
from terna.settings import Settings
from terna.training import trainer
from terna.training.setup import Inputs, Run, run_of


def settings_for(root: Path, *overrides: str) -> Settings:
    """Three epochs of batches of four, with overrides in Hydra's grammar."""
    short = ("train.batch_size=4", "train.epochs=3", "train.warmup=0.25", "machine.progress=false")
    return compose_once(root, small([*short, *overrides]))


def table_for(encoder: Encoder, triplets: int = 18) -> TokenTable:
    """Triplets of all different short texts, but for one anchor that stands in three of them."""
    texts = [f"frase {word} número {i}" for i in range(triplets) for word in ("una", "dos", "tres")]
    ids, offsets = tokenize(encoder.tokenizer, texts, encoder.max_length)
    rows = np.arange(3 * triplets, dtype=np.int32).reshape(-1, 3)
    rows[[3, 5], 0] = rows[1, 0]
    pairs = rows[:, :2]
    both = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0).astype(np.int32)
    return TokenTable(ids, offsets, np.arange(3 * triplets), rows, rows[:2], both, np.zeros(triplets, np.int16))


def scored_for(encoder: Encoder, pairs: int = 21, triplets: int = 18) -> TokenTable:
    """Those triplets and scored pairs of other short texts, or with 0 triplets the pairs alone."""
    table = table_for(encoder)
    texts = [f"el par {i} tiene {word}" for i in range(pairs) for word in ("esto", "aquello")]
    ids, offsets = tokenize(encoder.tokenizer, texts, encoder.max_length)
    more, first = table.offsets[-1] + offsets[1:], len(table.keys)
    rows = {name: getattr(table, name)[:triplets] for name in ("train", "dev", "positives", "corpus")}
    return replace(
        table,
        ids=np.concatenate([table.ids, ids]),
        offsets=np.concatenate([table.offsets, more]),
        keys=np.arange(first + 2 * pairs),
        scored=np.arange(first, first + 2 * pairs, dtype=np.int32).reshape(-1, 2),
        scores=(np.arange(pairs) % 6 / 5).astype(np.float32),
        scored_corpus=np.zeros(pairs, np.int16),
        **rows,
    )


def shaped_for(encoder: Encoder, tuples: dict[int, int] | None = None, classed: int = 0) -> TokenTable:
    """Tuples of all different short texts, so many of each width, and after them pairs of three classes, in turn."""
    rows = [width for width, count in (tuples or {}).items() for _ in range(count)]
    names = [f"tupla {row} texto {text}" for row, width in enumerate(rows) for text in range(width)]
    names += [f"en el par {pair} hay {word}" for pair in range(classed) for word in ("esto", "aquello")]
    ids, offsets = tokenize(encoder.tokenizer, names, encoder.max_length)
    none = np.zeros((0, 3), np.int32)
    ends = np.cumsum([0, *rows])
    anchors = np.stack([ends[:-1], ends[:-1] + 1], axis=1)
    return TokenTable(
        ids,
        offsets,
        np.arange(len(names)),
        none,
        none,
        np.unique(np.concatenate([anchors, anchors[:, ::-1]]), axis=0).astype(np.int32),
        np.zeros(0, np.int16),
        tuples=np.arange(ends[-1], dtype=np.int32),
        tuple_offsets=ends,
        tuple_corpus=np.zeros(len(rows), np.int16),
        classed=np.arange(ends[-1], len(names), dtype=np.int32).reshape(-1, 2),
        classes=np.arange(classed, dtype=np.int32) % 3,
        classed_corpus=np.zeros(classed, np.int16),
    )


def texts_for(encoder: Encoder, texts: int = 21, beside: TokenTable | None = None) -> TokenTable:
    """Raw texts of two to five words, all different, beside other examples or alone."""
    table = beside or shaped_for(encoder)
    names = [" ".join(f"Palabra {row} y mar".split()[: 2 + row % 3]) + "!" * (row % 2) for row in range(texts)]
    ids, offsets = tokenize(encoder.tokenizer, names, encoder.max_length)
    return replace(
        table,
        ids=np.concatenate([table.ids, ids]),
        offsets=np.concatenate([table.offsets, table.offsets[-1] + offsets[1:]]),
        keys=np.arange(len(table.keys) + texts),
        texts=np.arange(len(table.keys), len(table.keys) + texts, dtype=np.int32),
        text_words=word_numbers(encoder.tokenizer, names, encoder.max_length),
        texts_corpus=np.zeros(texts, np.int16),
    )


def stepped(run: Run, part: int, number: int = 0) -> torch.Tensor:
    """The loss of one batch of a part, without dropout, its gradients computed."""
    run.module.eval()
    run.module.trainer = Trainer(logger=False, enable_checkpointing=False, barebones=True)
    run.module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    rows = run.datamodule.parts[part].rows(0)
    loss = run.module.training_step(run.datamodule.parts[part].batches(rows, rows)[number], 0)
    loss.backward()
    return loss


def run_for(
    encoder: Encoder, settings: Settings, table: TokenTable | None = None, taught: TeacherVectors | None = None
) -> Run:
    """A run of an encoder that there is, on `table`, or with train.distill on what is taught."""
    table = table or table_for(encoder)
    classes = [f"clase {number}" for number in np.unique(table.classes)]
    inputs = Inputs(encoder.tokenizer, STARTS.empty_table(), table, ["sample"], taught, classes=classes)
    return run_of(settings, inputs, encoder.train())


def fit(
    encoder: Encoder,
    settings: Settings,
    *callbacks: Callback,
    checkpoint: Path | None = None,
    table: TokenTable | None = None,
    taught: TeacherVectors | None = None,
) -> Run:
    """Train it, from a checkpoint where one is given."""
    run = run_for(encoder, settings, table, taught)
    trainer.fit(trainer.build_trainer(settings, callbacks), run, checkpoint)
    return run


def ended(settings: Settings, run: Run, steps: int | None = None) -> Trainer:
    """The trainer of a run that has taken all of its steps, or so many."""
    found = trainer.build_trainer(settings, [])
    progress = found.fit_loop.epoch_loop.automatic_optimization.optim_progress
    progress.optimizer.step.total.completed = sum(run.datamodule.steps) if steps is None else steps
    return found


def weights_of(encoder: Encoder) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten().clone() for parameter in encoder.parameters()])
