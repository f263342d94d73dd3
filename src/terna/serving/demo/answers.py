"""What the page asks of the encoder, one question at a time."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import numpy as np

from terna.arrays import Vectors
from terna.errors import ModelError
from terna.metrics.similarity import pairwise
from terna.release.card.front import WIDGET
from terna.serving.demo.asked import LIMITS, Groups, Neighbours, Pair, Search
from terna.serving.demo.clusters import grouped
from terna.serving.demo.examples import LIST, QUERY
from terna.serving.demo.files import Lines
from terna.serving.demo.held import Corpus, Held
from terna.serving.demo.lexical import Lexical
from terna.serving.demo.ranked import both
from terna.serving.demo.refused import Refused
from terna.systems import System

# requests that compute or wait for their turn
WAITING = 32
# rows of each ranking of a file
TOP = 30
# seconds between two blocks of a file, in which whoever waits gets a turn: the lock itself does not see to that
PAUSE = 0.005


class Answers:
    """Answers as what JSON can hold. Threads may ask side by side: the encoder serves one after another.

    name: what the model is called on the page. evaluated: see `evaluated.told`. local: whether the page is for browsers
    on this machine alone. Raises ModelError where the model's vectors are no numbers.
    """

    def __init__(
        self, system: System, name: str, evaluated: dict[str, Any] | None = None, *, local: bool = True
    ) -> None:
        self._system = system
        self._name = name
        self._evaluated = evaluated
        self._local = local
        self._held = Held()
        self._one = threading.Lock()
        self._room = threading.Semaphore(WAITING)
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
            "evaluated": self._evaluated,
            "local": self._local,
            "file": self._held.served,
        }

    def similarity(self, asked: Pair) -> dict[str, float]:
        """The similarities of two sentences, more = more alike."""
        with self._asked():
            found = self._compared(asked.first, [asked.second])
        return {name: float(values[0]) for name, values in found.items()}

    def search(self, asked: Search) -> dict[str, Any]:
        """The sentences by falling similarity to the query, beside the lexical baseline's ranking: see `ranked.both`.

        The system's prompts of queries and documents are put before them.
        """
        with self._asked():
            prompts = self._system.usage.sides
            query = self._vectors([asked.query], prompts.query)
            documents = self._vectors(asked.sentences, prompts.document)
            scores = pairwise(np.broadcast_to(query, documents.shape), documents)[asked.measure]
            lexical = Lexical(asked.sentences).scores(asked.query)
        lines = range(1, len(scores) + 1)
        return {"measure": asked.measure, **both(asked.sentences, lines, scores, lexical, len(scores))}

    def hold(self, lines: Lines) -> dict[str, Any]:
        """Hold a file in memory and begin to encode it; how far it is, with the id that it is asked for by."""
        corpus = Corpus(lines)
        told = self._held.add(corpus)
        self._begin(corpus)
        return told

    def serve(self, lines: Lines) -> None:
        """Hold the file of the command line for everybody, and begin to encode it."""
        corpus = Corpus(lines)
        self._held.own(corpus)
        self._begin(corpus)

    def state(self, key: str) -> dict[str, Any]:
        """How far a file is."""
        return self._held.state(key)

    def neighbours(self, asked: Neighbours) -> dict[str, Any]:
        """The file's sentences that are nearest to a query, beside the lexical baseline's: see `ranked.both`."""
        corpus, letters = self._held.searchable(asked.file)
        with self._asked():
            [query] = self._vectors([asked.query], self._system.usage.sides.query)
            model, lexical = corpus.scores(query), letters.scores(asked.query)
        return {"measure": "cosine", **both(corpus.lines.sentences, corpus.lines.lines, model, lexical, TOP)}

    def groups(self, asked: Groups) -> dict[str, Any]:
        """Groups of the sentences, each group's middle sentence, and a point of the plane for each sentence."""
        with self._asked():
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

    def _begin(self, corpus: Corpus) -> None:
        threading.Thread(target=self._encode, args=(corpus,), daemon=True).start()

    def _encode(self, corpus: Corpus) -> None:
        """Encode a file block by block until it is ready, has made room, or the end comes."""
        try:
            while not (corpus.ready or corpus.dropped):
                with self._turn():
                    if texts := corpus.next():
                        corpus.add(self._vectors(texts, self._system.usage.sides.document))
                    else:
                        corpus.finish()
                time.sleep(PAUSE)
        except Refused:  # the end
            return
        except Exception as error:  # whatever it is, who waits for the file is told
            corpus.fault = str(error) or type(error).__name__
            print(f"{type(error).__name__}: {error}", file=sys.stderr)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """A turn of a request, or no room to wait for one."""
        if not self._room.acquire(blocking=False):
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "error_busy")
        try:
            with self._turn():
                yield
        finally:
            self._room.release()

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
            raise ModelError(f"{self._name}: vectors with values that are not numbers; train it again")
        return vectors
