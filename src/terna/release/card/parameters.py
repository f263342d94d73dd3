"""What the card prints in full: the parameters of loader, loss and fit, and the encoder's modules.

Speed, time and memory stay out: the card of a second run must be the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from terna.encoder.pretrained import HALVES
from terna.encoder.saved import Saved
from terna.encoder.texts import FILES
from terna.errors import DataError
from terna.records import read_json, rerun
from terna.settings import Settings, Train
from terna.settings.training import DELETED

CONFIG = "config.json"
# pairs with a label, by what metrics/train.json calls them: the shape of train.loss
PAIRS = {"classed_pairs": "classed", "scored_pairs": "scored"}
BATCHES = {"classed_pairs": "pairs with a class", "scored_pairs": "scored pairs"}
# raw texts, by that name in metrics/train.json and in train.loss
RAW = "texts"
WORDS = {
    "scored_pairs": "scored pairs of sentences",
    "classed_pairs": "pairs of sentences with a class",
    RAW: "texts without labels",
}
RESTORED = {"deleted_words": DELETED, "decoder": "tied to the encoder, trained beside it, not part of it"}
# what the card calls a loss, and where it was published
LOSSES: Mapping[str, tuple[str, str | None]] = {
    "ranking": ("the in-batch negatives ranking loss", None),
    "cosent": ("CoSENT", "https://kexue.fm/archives/8847"),
    "angle": ("AnglE", "https://arxiv.org/abs/2309.12871"),
    "softmax": ("softmax classification", "https://arxiv.org/abs/1908.10084"),
    "simcse": ("SimCSE", "https://arxiv.org/abs/2104.08821"),
    "tsdae": ("TSDAE", "https://arxiv.org/abs/2104.06979"),
}
# what the weights that ship are an average of, where the settings ask for any: names in metrics/train.json
AVERAGED = ("selected_share", "selected_soup", "selected_ema")
Modules = Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Examples:
    """Examples of one kind that were trained on, beside triplets and taught sentences.

    words: what they are called. batches: what their batches are of, where these are not free of repeated texts. loss:
    what they were learnt by; own: that is an import path. link: who published it.
    """

    count: int
    words: str
    batches: str | None
    loss: str
    own: bool
    link: str | None


@dataclass(frozen=True)
class Loss:
    """A loss as the card prints it; own: its import path, where it is one of one's own. on: whose, where it is said."""

    title: str
    own: str | None
    on: str | None
    parameters: Mapping[str, Any]


def loader(training: Mapping[str, Any]) -> dict[str, Any]:
    """Batches; `training` is the content of metrics/train.json."""
    kinds = ("triplets", "translations", "sentences", *_tuples(training), RAW, *PAIRS)
    units = [unit for unit in kinds if unit in training]
    each = [f"{unit}_{name}" for name in ("steps_per_epoch", "left_out_per_epoch") for unit in units]
    names = ("batch_size", *units, "steps_per_epoch", *each)
    return {name: training[name] for name in names if name in training}


def examples(train: Train, training: Mapping[str, Any]) -> list[Examples]:
    """What was trained on beside triplets and taught sentences."""
    shapes = {**dict.fromkeys(_tuples(training), "tuples"), RAW: RAW, **PAIRS}
    found = []
    for unit, shape in shapes.items():
        if unit in training:
            chosen = getattr(train.loss, shape)
            name, link = LOSSES.get(chosen, (chosen, None))
            found.append(Examples(training[unit], _words(unit), BATCHES.get(unit), name, "." in chosen, link))
    return found


def losses(train: Train, training: Mapping[str, Any]) -> list[Loss]:
    """The losses of all examples that there were, less a teacher's."""
    tuples = _tuples(training)
    found: list[Loss] = []
    if "triplets" in training or tuples:
        triplets = ["triplets"] if "triplets" in training else []
        on, units = " and ".join([*triplets, *(["tuples"] if tuples else [])]), [*triplets, *tuples]
        found.append(_loss(train, training, "tuples", on, _ranking(train, training, units)))
    parameters: Mapping[str, Any]
    if RAW in training:
        parameters = RESTORED if train.loss.texts == "tsdae" else _ranking(train, training, [RAW])
        found.append(_loss(train, training, RAW, "raw texts", parameters))
    if "classed_pairs" in training:
        parameters = {"features": "(u, v, |u - v|)", "classifier": "linear, trained beside the encoder, not part of it"}
        found.append(_loss(train, training, "classed", "the pairs with a class", parameters))
    if "scored_pairs" in training:
        similarity = "cosine" if train.loss.scored == "cosent" else "of complex numbers"
        parameters = {"scale": train.cosent_scale, "similarity": similarity, "matryoshka_dims": train.matryoshka}
        found.append(_loss(train, training, "scored", "the scored pairs", parameters))
    return found


def _loss(train: Train, training: Mapping[str, Any], shape: str, on: str, parameters: Mapping[str, Any]) -> Loss:
    chosen = getattr(train.loss, shape)
    if "." in chosen:
        digest = training["own_losses"][chosen]
        return Loss("Its own loss", chosen, on, {"sha256": digest, "matryoshka_dims": train.matryoshka})
    if chosen == "ranking":
        return Loss("The in-batch negatives ranking loss", None, None, parameters)
    name = LOSSES[chosen][0]
    return Loss(name[0].upper() + name[1:], None, on, parameters)


def _ranking(train: Train, training: Mapping[str, Any], units: Sequence[str]) -> dict[str, Any]:
    names = ["negatives_per_anchor" if unit == "triplets" else f"{unit}_negatives_per_anchor" for unit in units]
    negatives = [name for name in names if name in training]
    return {
        **{name: training[name] for name in negatives},
        "scale": train.scale,
        "similarity": "cosine",
        "symmetric": train.symmetric,
        "known_positives_left_out": train.known_positives,
        **({"guide": asdict(train.guide)} if train.guide else {}),
        "matryoshka_dims": train.matryoshka,
    }


def _tuples(training: Mapping[str, Any]) -> list[str]:
    """The units of tuples, by their width: `tuples_of_2`."""
    found = [name for name in training if re.fullmatch(r"tuples_of_\d+", name)]
    return sorted(found, key=lambda name: int(name.rpartition("_")[2]))


def _words(unit: str) -> str:
    if unit in WORDS:
        return WORDS[unit]
    negatives = int(unit.rpartition("_")[2]) - 2
    if not negatives:
        return "pairs of an anchor and its positive"
    return f"tuples of an anchor, its positive and {negatives} negative{'s' * (negatives > 1)}"


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
        "after": asdict(train.after) if train.after else None,
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
        **{name: training[name] for name in AVERAGED if name in training},
    }


def read_modules(saved: Saved) -> Modules:
    """The modules of the encoder that training saved, in order: the name of each, and the settings in its file."""
    (transformer, place), *after = saved.modules
    return [(transformer, read_json(place / FILES[0])), *((kind, read_json(each / CONFIG)) for kind, each in after)]


def loaded_by(architecture: str) -> str:
    """The class of transformers that loads a backbone of this class: AutoModel would load T5's decoder as well."""
    return architecture if architecture in {half.__name__ for half in HALVES.values()} else "AutoModel"


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


def architecture(modules: Modules, transformer: str) -> str:
    """The encoder's modules, as sentence-transformers prints them; transformer: the class of the first."""
    (kind, cut), *after = modules
    found = [f"{kind}({cut}) with Transformer model: {transformer}", *(f"{name}({given})" for name, given in after)]
    lines = [f"  ({number}): {module}" for number, module in enumerate(found)]
    return "\n".join(["SentenceTransformer(", *lines, ")"])
