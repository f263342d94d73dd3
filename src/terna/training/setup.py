"""From the settings and what earlier stages made to a training run, in three calls.

    run = build_run(settings, Inputs.load(tokens, teacher))
    trainer = build_trainer(settings, callbacks)            (training/trainer.py)
    fit(trainer, run)

pipelines/train.py, the benchmarks and the tests all train this way: no setting counts in one and not in another.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pytorch_lightning import seed_everything
from transformers import PreTrainedTokenizerBase

from terna.data.evaluators import Evaluator
from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.encoder import Encoder, build_encoder
from terna.encoder.pretrained import read_tokenizer
from terna.errors import DataError, ModelError
from terna.records import KEPT, STARTS, read_record, read_table, rerun, validated
from terna.settings import Settings, Train
from terna.training.adapters import adapt, freeze_layers, merge
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.losses.guide import contrasted
from terna.training.module import ORDERED, TrainingModule
from terna.training.parts.pairs import ClassedPart, ScoredPart
from terna.training.parts.part import Part, Shared
from terna.training.parts.ranked import RankedPart
from terna.training.parts.taught import MonolingualPart, TranslationPart
from terna.training.parts.texts import NoisyPart, TextPart
from terna.training.restarts import Restarts, phases
from terna.training.resumable import PlannedDataModule
from terna.training.resume import CHECKPOINT
from terna.training.selection import Selection, development_score

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """What a run learns from.

    starts: what new entries of the vocabulary start from, a STARTS table. corpora: names, by the corpora's numbers in
    `table`. taught: the teacher's vectors, with train.similarity_distillation of the sentences of `table`; None where
    nothing is taught. kept: the entries of a vocabulary that was cut, a KEPT table. classes: names, by the numbers in
    `table.classes`.
    """

    tokenizer: PreTrainedTokenizerBase
    starts: pa.Table
    table: TokenTable
    corpora: list[str]
    taught: TeacherVectors | None = None
    kept: pa.Table = field(default_factory=KEPT.empty_table)
    classes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, tokens: Path, teacher: Path | None) -> "Inputs":
        """What the stages `tokens` and `teacher` wrote into these folders; DataError if a file is missing or broken."""
        found = read_record(tokens / "stats.json", {"corpora": list[str]}, rerun("tokens"))
        return cls(
            table=TokenTable.load(tokens),
            tokenizer=read_tokenizer(str(tokens / "tokenizer")),
            starts=read_table(tokens / "starts.parquet", STARTS),
            corpora=found["corpora"],
            taught=TeacherVectors.load(teacher) if teacher else None,
            kept=read_table(tokens / "kept.parquet", KEPT),
            classes=validated(
                list[str], found.get("classes", []), f"{tokens / 'stats.json'}: classes", rerun("tokens")
            ),
        )


class Run(NamedTuple):
    """A training run: the encoder that learns, its batches, and the loss and schedule."""

    encoder: Encoder
    datamodule: PlannedDataModule
    module: TrainingModule


class Observers(NamedTuple):
    """What watches a run, in the order in which it is called: each is part of what the next keeps."""

    recorder: Recorder
    selection: Selection
    restarts: Restarts
    checkpoints: Checkpoints


def build_run(settings: Settings, inputs: Inputs) -> Run:
    """A run from its start, seeded. ModelError if its encoder is not available, DataError when not a batch is full."""
    seed_everything(settings.seed, verbose=False)
    return run_of(settings, inputs, encoder_of(settings, inputs))


def run_of(settings: Settings, inputs: Inputs, encoder: Encoder) -> Run:
    """A run of an encoder that there is."""
    datamodule = datamodule_of(settings, inputs, encoder)
    options, shapes = settings.train, {part.shape for part in datamodule.parts}
    steps, classes = datamodule.steps_of(phases(options)), len(inputs.classes) if "classed" in shapes else 0
    module = TrainingModule(encoder, options, steps, settings.seed, classes, texts="texts" in shapes)
    return Run(encoder, datamodule, module)


def encoder_of(settings: Settings, inputs: Inputs) -> Encoder:
    """The encoder, ready to train; ModelError if it is not available."""
    model, packed = settings.model, settings.train.packed
    encoder = build_encoder(model, inputs.tokenizer, inputs.starts, inputs.kept, packed=packed)
    encoder.cached = settings.train.cached
    if settings.train.lora:
        adapt(encoder, settings.train.lora)
    if settings.train.embeddings_only:
        freeze_layers(encoder)
    if settings.train.compile:
        encoder.backbone.compile(dynamic=True)
    return encoder


def datamodule_of(settings: Settings, inputs: Inputs, encoder: Encoder) -> PlannedDataModule:
    """The batches of all epochs: of triplets, tuples and raw text, or with train.distill of what is taught; of pairs.

    Raises DataError when not a single full batch can be made of a kind that there is, and for pairs of one class or
    one score alone, ModelError when the encoder is to draw dropout and has none.
    """
    options, table = settings.train, inputs.table
    if options.is_taught and inputs.taught is None:
        key = next(name for name in ("distill", "similarity_distillation", "guide") if getattr(options, name))
        raise DataError(f"train.{key}: there are no teacher's vectors; run the teacher stage (dvc repro teacher)")
    shared = Shared(
        table,
        encoder.arrange,
        batch_size=options.batch_size,
        epochs=range(phases(options)[0 if options.after else -1].stop),
        seed=settings.seed,
        weights=[options.weights.get(name, 1.0) for name in inputs.corpora],
        taught=inputs.taught if options.similarity_distillation or options.guide else None,
    )
    _check_marks(options, inputs)
    pairs: list[Part] = [ClassedPart(shared)] if shared.asked(table.classed_corpus) else []
    later = replace(shared, epochs=phases(options)[-1]) if options.after else shared
    pairs += [ScoredPart(later)] if shared.asked(table.scored_corpus) else []
    texts = [] if options.distill else _texts(options, shared, encoder)
    ranked = [] if options.distill else _ranked(options, shared, alone=not pairs and not texts)
    parts = [*_taught(options, inputs.taught, shared), *ranked, *texts, *pairs]
    return PlannedDataModule(parts, seed=settings.seed, workers=settings.machine.workers, debug=options.debug)


def _check_marks(options: Train, inputs: Inputs) -> None:
    """Raise DataError for pairs that are all of one class, or have one score: nothing is learnt from them."""
    scores = inputs.table.scores
    if options.loss.classed == "softmax" and len(inputs.classes) == 1:
        raise DataError(
            f"data/triplets/classed.parquet: every pair is {inputs.classes[0]!r}, and there must be two classes to "
            "tell apart; add data, or choose another train.loss.classed"
        )
    if options.loss.scored in ORDERED and len(scores) and scores.min() == scores.max():
        raise DataError(
            f"data/triplets/scored.parquet: every pair has the score {scores[0]:g}, on a scale from 0 to 1, and there "
            "must be two scores to order; add data, or choose another train.loss.scored"
        )


def _taught(options: Train, taught: TeacherVectors | None, shared: Shared) -> list[Part]:
    """What train.distill learns, in place of ranking."""
    if not options.distill or not taught:
        return []
    kind = TranslationPart if options.distill.texts == "parallel" else MonolingualPart
    return [
        kind(
            taught,
            shared.arrange,
            batch_size=shared.batch_size,
            epochs=shared.epochs,
            seed=shared.seed,
            sources=options.distill.sources,
        )
    ]


def _texts(options: Train, shared: Shared, encoder: Encoder) -> list[Part]:
    """The raw text, as its loss has it."""
    if not shared.asked(shared.table.texts_corpus):
        return []
    if options.loss.texts == "tsdae":
        return [NoisyPart(shared)]
    if options.loss.texts == "simcse" and not encoder.drops():
        raise ModelError(
            "train.loss.texts: simcse tells a text's two draws of dropout from other texts, and the encoder has no "
            "dropout, so that both are the same; choose tsdae, or a backbone whose config.json has dropout "
            "(hidden_dropout_prob)"
        )
    contrast = contrasted(options.guide)
    return [TextPart(shared, known_positives=options.known_positives, contrast=contrast, gather=options.gather)]


def _ranked(options: Train, shared: Shared, *, alone: bool) -> list[Part]:
    """The triplets, and the tuples of each width; of no examples at all the triplets, which say so."""
    table = shared.table
    widths = [
        width for width in np.unique(table.widths).tolist() if shared.asked(table.tuple_corpus[table.widths == width])
    ]
    part = partial(
        RankedPart,
        shared,
        known_positives=options.known_positives,
        contrast=contrasted(options.guide),
        gather=options.gather,
    )
    triplets = [part()] if shared.asked(table.corpus) or (alone and not widths) else []
    return [*triplets, *_by_width(widths, part)]


def _by_width(widths: Sequence[int], part: Callable[..., RankedPart]) -> list[Part]:
    """A part for each width, in rising order.

    Tuples that fill no batch are cut to the next narrower width, which is told; those of the narrowest are left out
    beside others.
    """
    found: list[Part] = []
    widest = 0
    for width in sorted(widths, reverse=True):
        last, widest = width == min(widths), widest or width
        one = part(width=width, widest=widest, required=last and not found)
        if last or min(one.steps):
            if widest > width and min(one.steps):
                told = "tuples of up to %d texts fill no batch of their own: they lose the negatives beyond %d texts"
                log.warning(told, widest, width)
            found, widest = [one, *found], 0
    return found


def observers_of(
    settings: Settings, run: Run, table: TokenTable, benchmark: Evaluator, checkpoints: Path, plots: Path | None = None
) -> Observers:
    """What keeps the curves, the weights that score best on `benchmark`, and what the run resumes from.

    table: whose held-out triplets are scored besides. checkpoints: the folder for weights and checkpoint.
    plots: the folder for the curves.
    """
    recorder = Recorder(whereabouts(run, checkpoints, mined=settings.mine.encoder is not None), plots)
    selection = Selection(
        run.encoder,
        development_score(benchmark, table, settings.evaluate.main_score),
        recorder.scored,
        main=settings.evaluate.main_score,
        folder=checkpoints,
        every=settings.train.score_every,
        patience=settings.train.patience,
        wise_ft=settings.train.wise_ft,
        ema=settings.train.ema,
    )
    restarts = Restarts(run.module, checkpoints)
    every = settings.machine.checkpoint_every
    return Observers(
        recorder, selection, restarts, Checkpoints(checkpoints / CHECKPOINT, every, recorder, selection.prune)
    )


def unsharded(settings: Settings, inputs: Inputs, run: Run, selection: Selection) -> Run:
    """A run that has ended, with an encoder that the first process has whole, for the weights that were kept."""
    if not run.encoder.sharded:
        return run
    selection.encoder = encoder_of(settings, inputs)
    return run._replace(encoder=selection.encoder)


def finished(settings: Settings, run: Run) -> Encoder:
    """The encoder of a run that has ended, as it ships: adapters added to the weights, on the CPU."""
    if settings.train.lora:
        merge(run.encoder)
    return run.encoder.cpu()


def whereabouts(run: Run, checkpoints: Path, *, mined: bool = False) -> Callable[[int], str]:
    """What is to be said of a step whose loss is not finite: its batch, its rows, and what to do.

    mined: whether some rows were replaced by the mine stage.
    """

    def describe(step: int) -> str:
        epoch, number = run.datamodule.place(step - 1)
        place, own = run.datamodule.plan(epoch)[number]
        part = run.datamodule.parts[place]
        rows = ", ".join(map(str, part.in_source(part.rows(epoch)[own][:5])))
        source = f"{part.source}, as data/mined/tuples.parquet changes it" if mined else part.source
        path = checkpoints / CHECKPOINT
        kept = f"the last good checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
        own_loss = run.module.own.get(part.shape or "")
        correct = f"Correct {own_loss.path} (train.loss.{part.shape}), lower" if own_loss else "Lower"
        return (
            f"batch {number + 1} of epoch {epoch + 1}, rows {rows}, … of {source}; {kept}. {correct} "
            f"train.lr or train.clip, or choose another train.precision, and delete {checkpoints}/"
        )

    return describe
