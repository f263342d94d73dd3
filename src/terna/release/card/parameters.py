"""What the card prints in full: the parameters of loader, loss and fit, and the encoder's modules.

Speed, time and memory stay out: the card of a second run must be the same.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from terna.settings import Model, Settings, Train

ACTIVATIONS = {"tanh": "torch.nn.modules.activation.Tanh", "identity": "torch.nn.modules.linear.Identity"}


def loader(training: Mapping[str, Any]) -> dict[str, Any]:
    """Batches; `training` is the content of metrics/train.json."""
    unit = "triplets" if "triplets" in training else "translations"
    names = ("batch_size", unit, "steps_per_epoch", f"{unit}_left_out_per_epoch")
    return {name: training[name] for name in names}


def loss(train: Train, training: Mapping[str, Any]) -> dict[str, Any]:
    """The loss that was trained with."""
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


def fit(settings: Settings, training: Mapping[str, Any]) -> dict[str, Any]:
    """Optimizer, schedule, and the checkpoint that was kept."""
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


def modules(model: Model, width: int, architecture: str) -> str:
    """The encoder's modules, as sentence-transformers prints them; width: of a token vector."""
    cut = {"max_seq_length": model.max_length, "do_lower_case": False}
    pooled = {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": model.pooling == "cls",
        "pooling_mode_mean_tokens": model.pooling == "mean",
        "pooling_mode_max_tokens": model.pooling == "max",
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    found = [f"Transformer({cut}) with Transformer model: {architecture}", f"Pooling({pooled})"]
    if model.dense:
        activation = ACTIVATIONS[model.dense.activation]
        shape = {"in_features": width, "out_features": model.dense.out_features, "bias": True}
        found.append(f"Dense({shape | {'activation_function': activation}})")
    lines = [f"  ({number}): {module}" for number, module in enumerate(found)]
    return "\n".join(["SentenceTransformer(", *lines, ")"])
