"""An encoder as a folder that `SentenceTransformer(path)` and `AutoModel.from_pretrained(path)` load.

The older form of the module paths and of the pooling settings is written: every sentence-transformers reads it.
"""

import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from terna.encoder import DenseHead, Encoder
from terna.encoder.folder import ACTIVATIONS, MODES
from terna.records import write_json

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
