"""Where a backbone and its tokenizer come from: random weights, the hub, a folder, an installed package."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from terna.encoder.token_vectors import padding_positions
from terna.errors import ModelError
from terna.records import sha256_of
from terna.settings import OWNER, Model, Scratch, is_hub_name

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
# RoBERTa counts positions from its padding id + 1
POSITION_OFFSET = 2


def positions(backbone: PreTrainedModel) -> int:
    """Tokens that the backbone's positions allow (RoBERTa's table has as many rows more as its padding id + 1)."""
    return places(backbone.config) - padding_positions(backbone)


def locate(backbone: str) -> str:
    """What from_pretrained takes: `pkg:module/path` becomes the folder in the installed package.

    Raises ModelError for a path that is not there: from_pretrained would ask the hub for a repository of that name.
    """
    if not backbone.startswith("pkg:"):
        if not (Path(backbone).is_dir() or is_hub_name(backbone)):
            raise ModelError(
                f"model.backbone: {backbone}: not there; give a folder, pkg:module/path, or a hub name (owner/name, "
                f"{OWNER})"
            )
        return backbone
    module, _, inner = backbone.removeprefix("pkg:").partition("/")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModelError(f"model.backbone: package {module} is not installed; install it with pip")
    folder = Path(spec.origin).parent / inner
    if not folder.is_dir():
        raise ModelError(f"model.backbone: package {module} has no folder {inner!r}")
    return str(folder)


def check_digest(model: Model, folder: Path) -> None:
    """Raise ModelError when model.sha256 is set, and the weights in the folder have another one, or lie elsewhere."""
    if model.sha256 is None:
        return
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"model.sha256: {weights} is not there; set model.sha256 to null")
    if (found := sha256_of(weights)) != model.sha256:
        raise ModelError(
            f"model.sha256: {weights} has the sha256 {found}, expected {model.sha256}; install the package or "
            "copy the folder again, or, if these are the weights you mean, set model.sha256 to theirs or to null"
        )


def places(config: PreTrainedConfig) -> int:
    """Rows of the position table; without one, as good as unlimited."""
    stated = getattr(config, "max_position_embeddings", None) or -1
    return int(stated) if stated > 0 else 2**31


def check_length(model: Model, limit: int) -> None:
    """Raise ModelError when model.max_length is more than a backbone's positions."""
    if limit < model.max_length:
        raise ModelError(f"model.max_length: {model.max_length}, but {model.backbone} has {limit} positions; lower it")


def random_weights(model: Model, vocabulary: int) -> PreTrainedModel:
    """A RoBERTa of the shape model.scratch, from torch's global generator; vocabulary: its entries."""
    shape = model.scratch
    if shape is None:
        raise ModelError("model.scratch: the shape is missing")
    return RobertaModel(
        RobertaConfig(
            vocab_size=vocabulary,
            hidden_size=shape.hidden_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.intermediate_size,
            max_position_embeddings=model.max_length + POSITION_OFFSET,
            type_vocab_size=1,
            bos_token_id=SPECIAL.index("<s>"),
            pad_token_id=SPECIAL.index("<pad>"),
            eos_token_id=SPECIAL.index("</s>"),
        )
    )


def fit_tokenizer(shape: Scratch, sentences: Iterable[str]) -> PreTrainedTokenizerBase:
    """A byte-level BPE fitted on the sentences."""
    fitted = ByteLevelBPETokenizer(add_prefix_space=False)
    fitted.train_from_iterator(
        sentences, vocab_size=shape.vocab_size, min_frequency=2, show_progress=False, special_tokens=list(SPECIAL)
    )
    fitted.post_processor = RobertaProcessing(
        ("</s>", SPECIAL.index("</s>")), ("<s>", SPECIAL.index("<s>")), add_prefix_space=False
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=fitted._tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
