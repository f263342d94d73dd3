"""A system as mteb wants an encoder, without mteb: its protocol is a matter of names alone.

Source: mteb.models.EncoderProtocol, mteb 2.26.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from terna.arrays import Floats, Vectors
from terna.metrics.similarity import pairwise
from terna.systems.load import System


class Adapter:
    """`model` under mteb's names, compared by the cosine; meta: mteb's ModelMeta of it."""

    def __init__(self, model: System, meta: Any) -> None:
        self.model = model
        self.mteb_model_meta = meta

    def encode(self, inputs: Iterable[Mapping[str, Any]], **_: object) -> Vectors:
        """Vectors (n, dimension) of batches whose `text` holds texts; which task they are from changes nothing."""
        return self.model.encode([text for batch in inputs for text in batch["text"]])

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Floats:
        """The cosine of each row of the first with each of the second, (n, m)."""
        left, right = np.atleast_2d(np.asarray(embeddings1)), np.atleast_2d(np.asarray(embeddings2))
        return np.stack([self.similarity_pairwise(np.broadcast_to(row, right.shape), right) for row in left])

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Floats:
        """The cosine of each row of the first with the same row of the second, (n,)."""
        return pairwise(np.asarray(embeddings1), np.asarray(embeddings2))["cosine"]
