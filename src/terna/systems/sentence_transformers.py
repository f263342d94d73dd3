"""A folder of sentence-transformers, read without it: Transformer, Pooling, and then Dense and Normalize, if any."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from terna.arrays import Vectors
from terna.encoder import Encoder
from terna.encoder.saved import load_pooled, modules_of, pooling_of
from terna.errors import ModelError
from terna.records import read_json

ACTIVATIONS = {kind.__name__: kind for kind in (nn.Tanh, nn.Identity, nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid)}
REMEDY = "save it with modules that can, or leave the system out of evaluate.systems"


class Normalize(nn.Module):
    """Vectors (n, dimension) to unit length."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Normalise each row."""
        return nn.functional.normalize(vectors, dim=-1)


class Pipeline:
    """An encoder, what follows its pooling, and what sentence-transformers does to a text before the tokenizer."""

    def __init__(self, encoder: Encoder, after: nn.Sequential, prompt: str, lower: bool) -> None:
        self.encoder = encoder
        self.after = after.eval()
        self.prompt = prompt
        self.lower = lower

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors float32 (len(texts), dimension)."""
        given = [self.prompt + text for text in texts]
        vectors = self.encoder.encode([text.lower() for text in given] if self.lower else given)
        found: Vectors = self.after(torch.from_numpy(vectors)).numpy()
        return found


def load(folder: Path) -> Pipeline:
    """Read a folder that sentence-transformers or `terna.encoder.export_` wrote.

    A transformers folder without modules is pooled by the mean, as sentence-transformers does. Raises ModelError, with
    the folder and the module, for what cannot be read.
    """
    plain = [("Transformer", folder), ("Mean", folder)]
    modules = modules_of(folder) if (folder / "modules.json").is_file() else plain
    kinds = [kind for kind, _ in modules]
    if kinds[:2] not in (["Transformer", "Pooling"], ["Transformer", "Mean"]):
        raise ModelError(f"{folder}: begins with {', '.join(kinds[:2])}, not Transformer and Pooling; {REMEDY}")
    transformer, pooling = modules[0][1], modules[1][1]
    after = nn.Sequential(*(_module(kind, place, folder) for kind, place in modules[2:]))
    encoder = load_pooled(transformer, "mean" if modules is plain else pooling_of(pooling))
    lower = bool(_settings(transformer / "sentence_bert_config.json").get("do_lower_case"))
    return Pipeline(encoder, after, _prompt(folder, _settings(pooling / "config.json")), lower)


def _module(kind: str, place: Path, folder: Path) -> nn.Module:
    if kind not in ("Dense", "Normalize"):
        raise ModelError(f"{folder}: module {kind} cannot be read, only Dense and Normalize after Pooling; {REMEDY}")
    settings = _settings(place / "config.json")
    ends = {settings.get(f"module_{end}_name") or "sentence_embedding" for end in ("input", "output")}
    if ends != {"sentence_embedding"} or settings.get("use_residual"):
        raise ModelError(f"{place}: a {kind} that maps other things than the sentence's vector; {REMEDY}")
    return Normalize() if kind == "Normalize" else _dense(place, settings)


def _dense(place: Path, settings: dict[str, Any]) -> nn.Module:
    path, name = place / "model.safetensors", str(settings.get("activation_function"))
    activation = ACTIVATIONS.get(name.rsplit(".", 1)[-1]) if name.startswith("torch.nn.") else None
    if activation is None:
        raise ModelError(
            f"{place}: Dense with activation {name}; one of {', '.join(ACTIVATIONS)} can be read. {REMEDY}"
        )
    if not path.is_file():
        raise ModelError(
            f"{place}: a Dense without model.safetensors; save it again with sentence-transformers 3 or later"
        )
    linear = nn.Linear(settings["in_features"], settings["out_features"], bias=bool(settings.get("bias", True)))
    linear.load_state_dict({key.removeprefix("linear."): value.float() for key, value in load_file(path).items()})
    return nn.Sequential(linear, activation())


def _prompt(folder: Path, pooling: dict[str, Any]) -> str:
    """What is put before every text by default."""
    settings = _settings(folder / "config_sentence_transformers.json")
    prompt = str((settings.get("prompts") or {}).get(settings.get("default_prompt_name")) or "")
    if prompt and not pooling.get("include_prompt", True):
        raise ModelError(f"{folder}: Pooling without the tokens of the prompt {prompt!r} cannot be read; {REMEDY}")
    return prompt


def _settings(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return found
