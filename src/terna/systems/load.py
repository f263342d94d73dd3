"""From what the settings say of a system to what encodes."""

from collections.abc import Sequence
from typing import Protocol

from terna.arrays import Vectors
from terna.encoder import Encoder
from terna.systems import word_vectors as vectors
from terna.systems.locate import GRAPH, locate
from terna.systems.onnx_runtime import OnnxEncoder


class System(Protocol):
    """What turns texts into vectors."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors float32 (len(texts), dimension), in the order of the texts."""
        ...


def load_system(where: str) -> System:
    """The system that `evaluate.systems` describes: see `locate`; ModelError when it cannot be had or read."""
    path = locate(where)
    if path.suffix == GRAPH:
        return OnnxEncoder.load(path)
    return vectors.WordVectors(path) if path.is_file() else Encoder.load(path)
