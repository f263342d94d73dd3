"""What the card prints in full: the parameters of loader, loss and fit, and the encoder's modules.

Speed, time and memory stay out: the card of a second run must be the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from terna.errors import DataError
from terna.records import read_json, rerun
from terna.settings import Settings, Train

CONFIG, TEXTS = "config.json", "sentence_bert_config.json"
Modules = Sequence[tuple[str, Mapping[str, Any]]]


def loader(training: Mapping[str, Any]) -> dict[str, Any]:
    """Batches; `training` is the content of metrics/train.json."""
    units = [unit for unit in ("triplets", "translations", "sentences", "scored_pairs") if unit in training]
    each = [f"{unit}_{name}" for name in ("steps_per_epoch", "left_out_per_epoch") for unit in units]
    names = ("batch_size", *units, "steps_per_epoch", *each)
    return {name: training[name] for name in names if name in training}


def loss(train: Train, training: Mapping[str, Any]) -> dict[str, Any]:
    """The loss of triplets or taught sentences; empty where only scored pairs were trained on."""
    if train.distill:
        return asdict(train.distill)
    if "negatives_per_anchor" not in training:
        return {}
    return {
        "negatives_per_anchor": training["negatives_per_anchor"],
        "scale": train.scale,
        "similarity": "cosine",
        "symmetric": train.symmetric,
        "known_positives_left_out": train.known_positives,
        "matryoshka_dims": train.matryoshka,
    }


def cosent(train: Train) -> dict[str, Any]:
    """The loss of scored pairs."""
    return {"scale": train.cosent_scale, "similarity": "cosine", "matryoshka_dims": train.matryoshka}


def similarities(train: Train) -> dict[str, Any]:
    """What is kept of a teacher's similarities beside the losses; empty where nothing is."""
    return asdict(train.similarity_distillation) if train.similarity_distillation else {}


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
        "l2_sp": train.l2_sp,
        "embeddings_only": train.embeddings_only,
        "wise_ft": train.wise_ft,
        "ema": train.ema,
        "soup": train.soup,
        "lora": asdict(train.lora) if train.lora else None,
        "weight_decay": train.weight_decay,
        "no_weight_decay_on": "biases and norms",
        "scheduler": "linear warm-up, then linear decay to 0",
        "warmup_steps": round(train.warmup * sum(training["steps_per_epoch"][: train.epochs])),
        "precision": train.precision,
        "seed": settings.seed,
        "selected_on": training["selected_on"],
        "selected_score": training["selected_score"],
        "selected_step": training["selected_step"],
    }


def read_modules(folder: Path) -> Modules:
    """The modules of the encoder that training saved in `folder`, in order: the name of each, and its settings."""
    listed = [
        (entry["type"].rpartition(".")[2], folder / entry["path"]) for entry in read_json(folder / "modules.json")
    ]
    (transformer, place), *after = listed
    return [(transformer, read_json(place / TEXTS)), *((kind, read_json(each / CONFIG)) for kind, each in after)]


def size(folder: Path) -> int:
    """How many parameters the modules that training saved in `folder` have together.

    Raises DataError for weights that cannot be read.
    """
    total = 0
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                total += sum(prod(file.get_slice(name).get_shape()) for name in file.offset_keys())
        except SafetensorError as error:
            raise DataError(f"{path}: {error}; {rerun('train')}") from error
    return total


def dimension(modules: Modules, width: int) -> int:
    """Numbers of a sentence vector; width: of a token vector."""
    _, (_, pooling), *after = modules
    older = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on]
    ways = len(pooling.get("pooling_mode", older))
    widths = [settings["out_features"] for kind, settings in after if kind == "Dense"]
    return int([width * ways, *widths][-1])


def architecture(modules: Modules, transformer: str) -> str:
    """The encoder's modules, as sentence-transformers prints them; transformer: the class of the first."""
    (kind, cut), *after = modules
    found = [f"{kind}({cut}) with Transformer model: {transformer}", *(f"{name}({given})" for name, given in after)]
    lines = [f"  ({number}): {module}" for number, module in enumerate(found)]
    return "\n".join(["SentenceTransformer(", *lines, ")"])
