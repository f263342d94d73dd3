"""From the settings and what earlier stages made to the parts of a training run: encoder, batches, what watches."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from transformers import AutoTokenizer

from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.encoder import Encoder, build_encoder
from terna.records import STARTS, read_json, read_table
from terna.settings import Settings
from terna.training.adapters import adapt, freeze_layers
from terna.training.callbacks import Recorder
from terna.training.datamodule import TranslationDataModule, TripletDataModule
from terna.training.resume import CHECKPOINT
from terna.training.selection import Selection, development_score


def encoder_of(settings: Settings, tokens: Path) -> Encoder:
    """The encoder, ready to train, with the tokenizer of the folder `tokens`; ModelError when it cannot be had."""
    tokenizer = AutoTokenizer.from_pretrained(tokens / "tokenizer")
    starts = read_table(tokens / "starts.parquet", STARTS)
    encoder = build_encoder(settings.model, tokenizer, starts, packed=settings.train.packed)
    encoder.cached = settings.train.cached
    if settings.train.lora:
        adapt(encoder, settings.train.lora)
    if settings.train.embeddings_only:
        freeze_layers(encoder)
    if settings.train.compile:
        encoder.backbone.compile(dynamic=True)
    return encoder


def datamodule_of(
    settings: Settings, table: TokenTable, encoder: Encoder, *, tokens: Path, teacher: Path
) -> TripletDataModule | TranslationDataModule:
    """The batches of all epochs: triplets of `table`, or with train.distill the lessons of `teacher`.

    Raises DataError when not a single full batch can be made.
    """
    options = settings.train
    common = {
        "batch_size": options.batch_size,
        "epochs": options.epochs,
        "seed": settings.seed,
        "workers": settings.machine.workers,
    }
    if options.distill:
        return TranslationDataModule(
            TeacherVectors.load(teacher), encoder.arrange, sources=options.distill.sources, **common
        )
    names = read_json(tokens / "stats.json")["corpora"]
    return TripletDataModule(
        table,
        encoder.arrange,
        weights=[options.weights.get(name, 1.0) for name in names],
        known_positives=options.known_positives,
        gather=options.gather,
        **common,
    )


def selection_of(
    settings: Settings, encoder: Encoder, benchmark: pa.Table, table: TokenTable, recorder: Recorder, checkpoints: Path
) -> Selection:
    """What scores `benchmark` and the held-out triplets as training goes on, and keeps the best weights."""
    return Selection(
        encoder,
        development_score(benchmark, table),
        recorder.scored,
        main=settings.evaluate.main_score,
        folder=checkpoints,
        every=settings.train.score_every,
        patience=settings.train.patience,
    )


def whereabouts(datamodule: TripletDataModule | TranslationDataModule, checkpoints: Path) -> Callable[[int], str]:
    """What is to be said of a step whose loss is not finite: its batch, its rows, and what to do."""

    def describe(step: int) -> str:
        epoch, number = datamodule.place(step - 1)
        rows = ", ".join(map(str, datamodule.rows(epoch)[number][:5]))
        path = checkpoints / CHECKPOINT
        kept = f"the last good checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
        return (
            f"batch {number + 1} of epoch {epoch + 1}, rows {rows}, … of {datamodule.source}; {kept}. Lower "
            f"train.lr or choose another train.precision, and delete {checkpoints}/"
        )

    return describe
