"""From what the settings say of a system to what encodes."""

from collections.abc import Sequence
from typing import Protocol

from terna.arrays import Vectors
from terna.encoder import Encoder, Usage
from terna.systems import word_vectors as vectors
from terna.systems.locate import GRAPH, locate
from terna.systems.onnx_runtime import OnnxEncoder


class System(Protocol):
    """What turns texts into vectors; usage: its prompts."""

    @property
    def usage(self) -> Usage: ...

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors float32 (len(texts), dimension), in the order of the texts.

        prompt: what is put before each text; None: the default one of `usage`.
        """
        ...


def load_system(where: str) -> System:
    """The system that `evaluate.systems` describes: see `locate`; ModelError when it cannot be had or read."""
    path = locate(where)
    if path.suffix == GRAPH:
        return OnnxEncoder.load(path)
    return vectors.WordVectors(path) if path.is_file() else Encoder.load(path)
