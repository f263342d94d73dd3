"""What the page asks of the encoder, one question at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import numpy as np

from terna.arrays import Vectors
from terna.errors import ModelError
from terna.metrics.similarity import pairwise
from terna.release.card.front import WIDGET
from terna.serving.demo.asked import LIMITS, Groups, Pair, Search
from terna.serving.demo.clusters import grouped
from terna.serving.demo.examples import LIST, QUERY
from terna.serving.demo.refused import Refused
from terna.systems import System


class Answers:
    """Answers as what JSON can hold. Threads may ask side by side: the encoder serves one after another.

    name: what the model is called on the page. Raises ModelError where its vectors are no numbers.
    """

    def __init__(self, system: System, name: str) -> None:
        self._system = system
        self._name = name
        self._one = threading.Lock()
        self._over = False
        self._example = self._compared(WIDGET[0], list(WIDGET[1:]))

    def example(self) -> dict[str, Any]:
        """The published card's first sentence compared with its others, and what else the page begins with."""
        return {
            "model": self._name,
            "sentences": WIDGET,
            "scores": {name: values.tolist() for name, values in self._example.items()},
            "query": QUERY,
            "list": LIST,
            "limits": LIMITS,
        }

    def similarity(self, asked: Pair) -> dict[str, float]:
        """The similarities of two sentences, more = more alike."""
        with self._turn():
            found = self._compared(asked.first, [asked.second])
        return {name: float(values[0]) for name, values in found.items()}

    def search(self, asked: Search) -> dict[str, Any]:
        """The sentences by falling similarity to the query, each with its place; equals keep their order.

        The system's prompts of queries and documents are put before them.
        """
        with self._turn():
            prompts = self._system.usage.sides
            query = self._vectors([asked.query], prompts.query)
            documents = self._vectors(asked.sentences, prompts.document)
            scores = pairwise(np.broadcast_to(query, documents.shape), documents)[asked.measure]
        order = np.argsort(-scores, kind="stable").tolist()
        ranked = [{"place": row, "sentence": asked.sentences[row], "score": float(scores[row])} for row in order]
        return {"measure": asked.measure, "ranked": ranked}

    def groups(self, asked: Groups) -> dict[str, Any]:
        """Groups of the sentences, each group's middle sentence, and a point of the plane for each sentence."""
        with self._turn():
            found = grouped(self._vectors(asked.sentences), asked.k)
        return {
            "groups": found.groups.tolist(),
            "middles": found.middles,
            "points": found.points.tolist(),
            "shown": found.shown,
        }

    def end(self) -> None:
        """Let the question at work be answered, and refuse those that wait and come: the process can be left then."""
        self._over = True
        self._one.acquire()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._one:
            if self._over:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "error_over")
            yield

    def _compared(self, text: str, others: list[str]) -> dict[str, Any]:
        vectors = self._vectors([text, *others])
        return pairwise(np.broadcast_to(vectors[0], vectors[1:].shape), vectors[1:])

    def _vectors(self, texts: list[str], prompt: str | None = None) -> Vectors:
        vectors = self._system.encode(texts, prompt=prompt)
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self._name}: vectors with values that are no numbers; train it again")
        return vectors
