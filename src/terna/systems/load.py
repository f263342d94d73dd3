"""From what the settings say of a system to what encodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from terna.arrays import Vectors
from terna.encoder import Encoder, Usage
from terna.encoder.linear import use_int8
from terna.errors import ModelError, words_of
from terna.settings.devices import Precision
from terna.systems import word_vectors as vectors
from terna.systems.locate import GRAPH, locate
from terna.systems.onnx_runtime import OnnxEncoder
from terna.systems.static import StaticEncoder, is_static


class System(Protocol):
    """What turns texts into vectors; usage: its prompts."""

    @property
    def usage(self) -> Usage: ...

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors float32 (len(texts), dimension), in the order of the texts.

        prompt: what is put before each text; None: the default one of `usage`.
        """
        ...


def load_system(where: str, device: str = "cpu", precision: Precision = "float32") -> System:
    """The system that `evaluate.systems` describes: see `locate`; ModelError if it cannot be read.

    device: torch's name of where an encoder's folder computes; what is `on_cpu_alone` computes there. precision: what
    it computes in; vectors are float32 in any.
    """
    path = locate(where)
    if on_cpu_alone(path) and precision != "float32":
        kind = "a file" if path.is_file() else "a table of token vectors"
        raise ModelError(f"{where}: {precision} is for an encoder's folder, and this is {kind}; give float32")
    if path.suffix == GRAPH:
        return OnnxEncoder.load(path)
    if is_static(path):
        return StaticEncoder.load(path)
    return vectors.WordVectors(path) if path.is_file() else placed(Encoder.load(path), device, precision)


def on_cpu_alone(path: Path) -> bool:
    """Whether what lies at `path` computes on the CPU alone, in float32: a graph, word vectors, a static encoder."""
    return path.is_file() or is_static(path)


def placed(encoder: Encoder, device: str, precision: Precision = "float32") -> Encoder:
    """The encoder on a device, in a precision; ModelError where the device has no room for it, or lacks the precision.

    int8: the products of the backbone's linear layers, on a CPU.
    """
    if precision == "int8":
        if device != "cpu":
            raise ModelError(f"int8: for the CPU alone, and this is {device}; give float16, or --device cpu")
        use_int8(encoder.backbone)
        return encoder
    try:
        return encoder.to(device, getattr(torch, precision))
    except RuntimeError as error:  # torch's errors of a device are of many kinds
        raise ModelError(f"{device}: no room for the encoder ({words_of(error)}); give another device") from error
