"""What follows pooling: sentence-transformers' modules that map a sentence's vector, each read and written here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules import activation

from terna.encoder.keys import REMEDY, Keys
from terna.encoder.weights import WHOLE, check_values, numbers
from terna.errors import ModelError, words_of
from terna.records import write_json

# Where an activation may come from, and what it may be: a name in a file imports nothing.
PLACES = ("torch.nn", "torch.nn.modules.activation", "torch.nn.modules.linear")
ACTIVATIONS = (*activation.__all__, "Identity")


class Dense(nn.Module):
    """A linear map and its activation: (sentences, in) → (sentences, out).

    residual: what comes in is added to what goes out, through a linear map of its own where their sizes differ.
    """

    def __init__(
        self, in_features: int, out_features: int, function: nn.Module, *, bias: bool = True, residual: bool = False
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=bias)
        self.activation_function = function
        self.use_residual = residual
        if residual and in_features != out_features:
            self.residual = nn.Linear(in_features, out_features, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map each row."""
        mapped: Tensor = self.activation_function(self.linear(vectors))
        if not self.use_residual:
            return mapped
        return mapped + (self.residual(vectors) if hasattr(self, "residual") else vectors)


class LayerNorm(nn.Module):
    """Vectors (n, dimension) to mean 0 and variance 1, then scaled and shifted as was learnt."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dimension)

    def forward(self, vectors: Tensor) -> Tensor:
        """Normalise each row."""
        found: Tensor = self.norm(vectors)
        return found


class Normalize(nn.Module):
    """Vectors (n, dimension) to unit length."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Normalise each row."""
        return nn.functional.normalize(vectors, dim=-1)


KINDS = ("Dense", "Dropout", "LayerNorm", "Normalize")


def read_module(kind: str, folder: Path) -> nn.Module:
    """The module of one of KINDS that lies in a folder; ModelError, by file and key, for what cannot be honoured."""
    keys = Keys.read(folder / "config.json")
    keys.only("module_input_name", "sentence_embedding")
    keys.only("module_output_name", "sentence_embedding", None)
    with torch.device("meta"):  # sizes are compared with the file's before anything of them is allocated
        module = _module(kind, keys)
    keys.end()
    if module.state_dict():
        _load(module, folder / WHOLE)
    return module


def through(head: Iterable[nn.Module], vectors: Tensor, where: Path | str) -> Tensor:
    """Vectors (sentences, pooled) mapped by each module of an encoder's folder; ModelError by the first unfit one."""
    for number, module in enumerate(head, start=2):
        try:
            vectors = module(vectors)
        except (RuntimeError, ValueError, IndexError) as error:  # of torch's modules, whatever does not fit
            name = f"module {number}, {type(module).__name__},"
            raise ModelError(
                f"{where}: {name} does not take vectors of {vectors.shape[-1]} numbers: {words_of(error)}; {REMEDY}"
            ) from error
    return vectors


def write_module(module: nn.Module, folder: Path) -> None:
    """Write what `read_module` reads, in keys that every version of sentence-transformers knows, if they suffice."""
    write_json(_settings(module), folder / "config.json")
    if weights := {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}:
        save_file(weights, folder / WHOLE)


def _module(kind: str, keys: Keys) -> nn.Module:
    if kind == "Dense":
        return Dense(
            keys.size("in_features", 0),
            keys.size("out_features", 0),
            _activation(keys),
            bias=keys.take("bias", bool, True),
            residual=keys.take("use_residual", bool, False),
        )
    if kind == "Dropout":
        return nn.Dropout(_share(keys))
    return LayerNorm(keys.size("dimension", 0)) if kind == "LayerNorm" else Normalize()


def _share(keys: Keys) -> float:
    found: float = keys.take("dropout", float, 0.2)
    if not 0 <= found <= 1:
        raise keys.refused("dropout", found, "a number from 0 to 1 is expected")
    return found


def _settings(module: nn.Module) -> dict[str, Any]:
    if isinstance(module, Dense):
        linear, kind = module.linear, type(module.activation_function)
        return {
            "in_features": linear.in_features,
            "out_features": linear.out_features,
            "bias": linear.bias is not None,
            "activation_function": f"{kind.__module__}.{kind.__qualname__}",
            **({"use_residual": True} if module.use_residual else {}),
        }
    if isinstance(module, nn.Dropout):
        return {"dropout": module.p}
    return {"dimension": module.norm.normalized_shape[0]} if isinstance(module, LayerNorm) else {}


def _activation(keys: Keys) -> nn.Module:
    path = keys.take("activation_function", str, "torch.nn.Tanh")
    place, _, name = path.rpartition(".")
    if place not in PLACES or name not in ACTIVATIONS:
        raise keys.refused("activation_function", path, "only torch.nn's own can be read")
    try:
        made: nn.Module = getattr(nn, name)()
    except TypeError as error:
        raise keys.refused("activation_function", path, f"it cannot be made without settings ({error})") from error
    if getattr(made, "dim", 0) is None:  # a softmax is over each row, which torch would have it told
        made.dim = -1  # type: ignore[assignment]
    return made


def _load(module: nn.Module, file: Path) -> None:
    if not file.is_file():
        raise ModelError(f"{file}: not there; save the encoder again with sentence-transformers 3 or later")
    numbers(file)  # refuses a file that is cut off, with its sizes
    try:
        given = {name: value.to(torch.float32, copy=True) for name, value in load_file(file).items()}
        module.load_state_dict(given, assign=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{file}: {words_of(error)}; {REMEDY}") from error
    check_values(file, given.items())
