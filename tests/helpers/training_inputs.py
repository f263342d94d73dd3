"""A small training run in this process: what the tests of module, recorder, datamodule and resumption share."""

from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Callback, Trainer

from terna.data.token_table import TokenTable
from terna.encoder import Encoder
from terna.sentences import tokenize
from terna.settings import Train
from terna.training.datamodule import TripletDataModule
from terna.training.module import RankingModule


def table_for(encoder: Encoder, triplets: int = 18) -> TokenTable:
    """Triplets of all different short texts, but for one anchor that stands in three of them."""
    texts = [f"frase {word} número {i}" for i in range(triplets) for word in ("una", "dos", "tres")]
    ids, offsets = tokenize(encoder.tokenizer, texts, encoder.max_length)
    rows = np.arange(3 * triplets, dtype=np.int32).reshape(-1, 3)
    rows[[3, 5], 0] = rows[1, 0]
    pairs = rows[:, :2]
    both = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0).astype(np.int32)
    return TokenTable(ids, offsets, np.arange(3 * triplets), rows, rows[:2], both, np.zeros(triplets, np.int16))


def feed_for(encoder: Encoder, settings: Train, seed: int = 1, table: TokenTable | None = None) -> TripletDataModule:
    return TripletDataModule(
        table or table_for(encoder),
        encoder.arrange,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        seed=seed,
        weights=[1.0],
        known_positives=settings.known_positives,
    )


def trainer_for(settings: Train, *callbacks: Callback, **options: object) -> Trainer:
    return Trainer(
        accelerator="cpu",
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip or None,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        deterministic=True,
        **options,  # type: ignore[arg-type]
    )


def fit(
    encoder: Encoder, settings: Train, *callbacks: Callback, seed: int = 1, checkpoint: Path | None = None
) -> RankingModule:
    datamodule = feed_for(encoder, settings, seed)
    module = RankingModule(encoder.train(), settings, sum(datamodule.steps), seed)
    trainer_for(settings, *callbacks).fit(module, datamodule, ckpt_path=checkpoint, weights_only=True)
    return module


def weights_of(encoder: Encoder) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten().clone() for parameter in encoder.parameters()])
