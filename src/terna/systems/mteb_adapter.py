"""A system as mteb wants an encoder, without mteb: its protocol consists of names only.

Source: mteb.models.EncoderProtocol, mteb 2.26.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from terna.arrays import Floats, Vectors
from terna.encoder import Usage
from terna.metrics.similarity import pairwise
from terna.systems.load import System


class Adapter:
    """`model` under mteb's names, compared by the cosine; meta: mteb's ModelMeta of it; usage: its prompts.

    used: the prompts that were put before texts so far, by task and prompt type.
    """

    def __init__(self, model: System, meta: Any, usage: Usage | None = None) -> None:
        self.model = model
        self.mteb_model_meta = meta
        self.usage = usage or model.usage
        self.used: dict[str, dict[str, str]] = {}

    def encode(
        self, inputs: Iterable[Mapping[str, Any]], *, task_metadata: Any, prompt_type: Any = None, **_: object
    ) -> Vectors:
        """Vectors (n, dimension) of batches whose `text` holds texts, each with the prompt of its task and type.

        task_metadata: mteb's, of which name and type count. prompt_type: mteb's PromptType, None where texts are
        neither queries nor documents.
        """
        side = prompt_type.value if prompt_type else None
        prompt = prompt_for(self.usage, task_metadata.name, task_metadata.type, side)
        self.used.setdefault(task_metadata.name, {})[side or ""] = prompt
        return self.model.encode([text for batch in inputs for text in batch["text"]], prompt=prompt)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Floats:
        """The cosine of each row of the first with each of the second, (n, m)."""
        left, right = np.atleast_2d(np.asarray(embeddings1)), np.atleast_2d(np.asarray(embeddings2))
        return np.stack([self.similarity_pairwise(np.broadcast_to(row, right.shape), right) for row in left])

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Floats:
        """The cosine of each row of the first with the same row of the second, (n,)."""
        return pairwise(np.asarray(embeddings1), np.asarray(embeddings2))["cosine"]


def prompt_for(usage: Usage, task: str, kind: str, side: str | None) -> str:
    """What is put before the texts of a task: the prompt named after the task, else after its type, else of the side.

    kind: the task's type. side: `query`, or `document` (mteb 1: `passage`); None for other texts, which have the
    default prompt. A name with the side goes before one without, as in mteb.models.abs_encoder.get_prompt_name.
    """
    names = [name for own in (task, kind) for name in ([f"{own}-{side}", own] if side else [own])]
    sides = usage.sides
    usual = sides.default if side is None else sides.query if side == "query" else sides.document
    return next((usage.prompts[name] for name in names if name in usage.prompts), usual)
