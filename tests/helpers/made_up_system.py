"""A system that needs no model, and words to make sentences of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terna.encoder import Usage

WORDS = ["rojo", "verde", "azul", "gris", "negro", "blanco", "rosa", "pardo"]


class Numbers:
    """A system whose vectors follow from the letters of prompt and text, and a number."""

    def __init__(self, seed: int, usage: Usage | None = None) -> None:
        self.seed = seed
        self.usage = usage or Usage()

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Any:
        before = self.usage.prompt if prompt is None else prompt
        rows = [np.random.default_rng([self.seed, *(before + text).encode()]).normal(size=6) for text in texts]
        return np.array(rows, np.float32)
