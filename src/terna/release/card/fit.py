"""How the encoder was trained: batches, loss, optimizer, schedule, and the checkpoint that was kept.

Speed, time and memory stay out: the card of a second run must be the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from terna.markdown import fenced
from terna.settings import Settings, Train

RANKING = "The in-batch negatives ranking loss"
DISTANCE = "The squared distance to the teacher's vector of the sentence that was translated,"


def section(settings: Settings, training: Mapping[str, Any]) -> str:
    """The part on training; `training` is the content of metrics/train.json."""
    steps = training["steps_per_epoch"]
    return "\n\n".join(
        [
            f"**DataLoader**:\n\n{_batches(settings.train)}, of length {_span(steps)} with parameters:",
            fenced(str(_loader(training))),
            f"**Loss**:\n\n{DISTANCE if settings.train.distill else RANKING} with parameters:",
            fenced(str(_loss(settings.train, training))),
            "Parameters of the fit:",
            fenced(json.dumps(_fit(settings, training), indent=4, ensure_ascii=False)),
        ]
    )


def _span(steps: Sequence[int]) -> str:
    """Steps an epoch: one number where all epochs agree."""
    low, high = min(steps), max(steps)
    return str(low) if low == high else f"{low} to {high}"


def _batches(train: Train) -> str:
    return "Batches of translated sentences" if train.distill else "Batches in which no text comes twice"


def _loader(training: Mapping[str, Any]) -> dict[str, Any]:
    unit = "triplets" if "triplets" in training else "translations"
    names = ("batch_size", unit, "steps_per_epoch", f"{unit}_left_out_per_epoch")
    return {name: training[name] for name in names}


def _loss(train: Train, training: Mapping[str, Any]) -> dict[str, Any]:
    if train.distill:
        return asdict(train.distill)
    return {
        "negatives_per_anchor": training["negatives_per_anchor"],
        "scale": train.scale,
        "similarity": "cosine",
        "symmetric": train.symmetric,
        "known_positives_left_out": train.known_positives,
        "matryoshka_dims": train.matryoshka,
    }


def _fit(settings: Settings, training: Mapping[str, Any]) -> dict[str, Any]:
    train = settings.train
    return {
        "epochs": train.epochs,
        "corpus_weights": train.weights,
        "steps": training["steps"],
        "evaluation_steps": train.score_every,
        "patience": train.patience,
        "max_grad_norm": train.clip,
        "optimizer_class": "torch.optim.AdamW",
        "optimizer_params": {"lr": train.lr, "eps": train.eps},
        "layer_decay": train.layer_decay,
        "embeddings_only": train.embeddings_only,
        "lora": asdict(train.lora) if train.lora else None,
        "weight_decay": train.weight_decay,
        "no_weight_decay_on": "biases and norms",
        "scheduler": "linear warm-up, then linear decay to 0",
        "warmup_steps": round(train.warmup * sum(training["steps_per_epoch"])),
        "precision": train.precision,
        "seed": settings.seed,
        "selected_on": training["selected_on"],
        "selected_score": training["selected_score"],
        "selected_step": training["selected_step"],
    }
