"""The folder of an encoder, as sentence-transformers has it: read and written here alone."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from terna.encoder.backbone import positions
from terna.encoder.head import DenseHead
from terna.encoder.network import Encoder
from terna.errors import ModelError
from terna.records import read_json, write_json

MODES = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens"}
ACTIVATIONS = {"tanh": "torch.nn.modules.activation.Tanh", "identity": "torch.nn.modules.linear.Identity"}


def load(folder: Path) -> Encoder:
    """Read a folder that `save`, or sentence-transformers, wrote.

    Raises ModelError when it is missing, is not Transformer, Pooling and at most one Dense, or pools in a way that
    this encoder cannot.
    """
    modules = modules_of(folder)
    kinds = [kind for kind, _ in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Dense"]):
        raise ModelError(f"{folder}: modules {', '.join(kinds)}; only Transformer, Pooling and one Dense can be read")
    places = dict(modules)
    dense = _read_dense(places["Dense"]) if "Dense" in places else None
    return load_pooled(places["Transformer"], pooling_of(places["Pooling"]), dense)


def modules_of(folder: Path) -> list[tuple[str, Path]]:
    """The kind and the folder of each module, in order; ModelError when `folder` lists none."""
    if not (folder / "modules.json").is_file():
        raise ModelError(f"{folder}: no modules.json; not an encoder's folder. Run the train stage (dvc repro)")
    return [
        (module["type"].rsplit(".", 1)[-1], folder / module["path"]) for module in read_json(folder / "modules.json")
    ]


def load_pooled(folder: Path, pooling: str, dense: DenseHead | None = None) -> Encoder:
    """An encoder from a transformers model's folder, ready to encode; ModelError when it cannot be one."""
    try:
        backbone = AutoModel.from_pretrained(folder, trust_remote_code=False, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: {error}") from error
    if tokenizer.pad_token_id is None or backbone.config.is_encoder_decoder:
        kind = backbone.config.model_type
        raise ModelError(f"{folder}: {kind}; only an encoder whose tokenizer has a padding token can be read")
    longest = _max_length(folder, tokenizer, positions(backbone))
    return Encoder(backbone, tokenizer, pooling=pooling, max_length=longest, dense=dense).eval()


def _read_dense(folder: Path) -> DenseHead:
    settings = read_json(folder / "config.json")
    known = {path.rsplit(".", 1)[-1]: name for name, path in ACTIVATIONS.items()}
    activation = known.get(str(settings["activation_function"]).rsplit(".", 1)[-1])
    if activation is None or not (folder / "model.safetensors").is_file():
        raise ModelError(f"{folder}: a Dense head with tanh or identity, in safetensors, is expected")
    head = DenseHead(settings["in_features"], settings["out_features"], activation)
    with torch.no_grad():
        head.load_state_dict(load_file(folder / "model.safetensors"))
    return head


def _max_length(folder: Path, tokenizer: Any, limit: int) -> int:
    """What the folder says; newer sentence-transformers leave it to the tokenizer."""
    path = folder / "sentence_bert_config.json"
    stated = read_json(path).get("max_seq_length") if path.is_file() else None
    return min(int(stated or tokenizer.model_max_length), limit)


def pooling_of(folder: Path) -> str:
    """Mean, cls or max, from the folder of a Pooling module; ModelError for any other."""
    settings = read_json(folder / "config.json")
    if "pooling_mode" in settings:  # the newer form
        modes = [settings["pooling_mode"]]
    else:
        modes = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value]
    known = {key: mode for mode, key in MODES.items()} | {mode: mode for mode in MODES}
    if len(modes) != 1 or modes[0] not in known:
        raise ModelError(f"{folder}: pooling {', '.join(modes)}; only one of mean, cls and max can be read")
    return known[modes[0]]


TYPES = "sentence_transformers.models"


def save(encoder: Encoder, folder: Path) -> None:
    """Write `encoder` as `folder`, in place of what was there, whole or not at all."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _write(encoder, beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(encoder: Encoder, folder: Path) -> None:
    encoder.backbone.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(encoder.tokenizer, folder, encoder.max_length)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), *([("2_Dense", "Dense")] if encoder.dense else [])]
    described = [
        {"idx": i, "name": str(i), "path": path, "type": f"{TYPES}.{kind}"} for i, (path, kind) in enumerate(modules)
    ]
    write_json(described, folder / "modules.json")
    write_json({"max_seq_length": encoder.max_length, "do_lower_case": False}, folder / "sentence_bert_config.json")
    write_json(
        {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
        folder / "config_sentence_transformers.json",
    )
    width = int(encoder.backbone.config.hidden_size)
    modes = {key: encoder.pooling == mode for mode, key in MODES.items()}
    settings = {"word_embedding_dimension": width, **modes, "pooling_mode_mean_sqrt_len_tokens": False}
    write_json(settings, folder / "1_Pooling" / "config.json")
    if encoder.dense:
        _write_dense(encoder.dense, folder / "2_Dense")


def save_tokenizer(tokenizer: Any, folder: Path, max_length: int) -> None:
    """Write a tokenizer whose `truncation=True` cuts at max_length, without the state of its last call."""
    tokenizer.model_max_length = max_length
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(folder)


def _write_dense(dense: DenseHead, folder: Path) -> None:
    linear = dense.linear
    settings = {
        "in_features": linear.in_features,
        "out_features": linear.out_features,
        "bias": True,
        "activation_function": ACTIVATIONS[dense.activation],
    }
    write_json(settings, folder / "config.json")
    weights = {f"linear.{name}": value.detach().cpu().contiguous() for name, value in linear.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
