"""Users' files in memory: a few at a time, each encoded a block at a time; nothing of them touches the disk."""

import secrets
import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import Any

import numpy as np

from terna.arrays import Floats, Vectors
from terna.metrics.similarity import pairwise
from terna.serving.demo.files import Lines
from terna.serving.demo.lexical import Lexical
from terna.serving.demo.refused import Refused

# files that are held at once; then the one that was asked about longest ago makes room
FILES = 4
# sentences that are encoded without letting anybody else ask
BLOCK = 64
# vectors that are compared at once, in float64
ROWS = 2048
# what the file that was given at the command line is asked for by
OWN = "own"


class Corpus:
    """A file's sentences, with the vectors of the first `done` of them; fault: why the others have none."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.blocks: list[Vectors] = []
        self.done = 0
        self.lexical: Lexical | None = None
        self.fault = ""
        self.dropped = False

    @property
    def ready(self) -> bool:
        """Whether it can be searched."""
        return self.lexical is not None

    def next(self) -> list[str]:
        """The sentences to encode now; none: all have vectors."""
        return self.lines.sentences[self.done : self.done + BLOCK]

    def add(self, vectors: Vectors) -> None:
        """Take in the vectors of `next`."""
        self.blocks.append(vectors)
        self.done += len(vectors)

    def finish(self) -> None:
        """Fit the lexical baseline: then it is ready."""
        self.blocks = [np.concatenate(self.blocks)]
        self.lexical = Lexical(self.lines.sentences)

    def scores(self, vector: Vectors) -> Floats:
        """The cosine of a vector (d,) with each sentence's."""
        [vectors] = self.blocks
        parts = [vectors[first : first + ROWS] for first in range(0, len(vectors), ROWS)]
        return np.concatenate([pairwise(np.broadcast_to(vector, part.shape), part)["cosine"] for part in parts])


class Held:
    """The files by the names that they are asked for by, which nobody can guess. Threads may ask side by side."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Corpus] = OrderedDict()
        self._own: Corpus | None = None
        self._lock = threading.Lock()

    def own(self, corpus: Corpus) -> None:
        """Hold the file of the command line, which never makes room."""
        self._own = corpus

    def add(self, corpus: Corpus) -> dict[str, Any]:
        """Hold a file; how far it is, with the id that it is asked for by from now on."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._files[key] = corpus
            while len(self._files) > FILES:
                self._files.popitem(last=False)[1].dropped = True
        return _described(key, corpus)

    def get(self, key: str) -> Corpus:
        """The file of that key; Refused where it has made room."""
        if key == OWN and self._own:
            return self._own
        with self._lock:
            if key not in self._files:
                raise Refused(HTTPStatus.GONE, "error_dropped")
            self._files.move_to_end(key)
            return self._files[key]

    def state(self, key: str) -> dict[str, Any]:
        """How far a file is; Refused with its fault, if it has one."""
        corpus = self.get(key)
        if corpus.fault:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "error_model", reason=corpus.fault)
        return _described(key, corpus)

    def searchable(self, key: str) -> tuple[Corpus, Lexical]:
        """A file that has all its vectors; Refused where it has not yet, or never will."""
        self.state(key)
        corpus = self.get(key)
        if not corpus.lexical:
            raise Refused(HTTPStatus.CONFLICT, "error_encoding", done=corpus.done, count=len(corpus.lines.sentences))
        return corpus, corpus.lexical

    @property
    def served(self) -> dict[str, Any] | None:
        """The file of the command line, if one was given."""
        return _described(OWN, self._own) if self._own else None


def _described(key: str, corpus: Corpus) -> dict[str, Any]:
    lines = corpus.lines
    return {"id": key, "name": lines.name, "count": len(lines.sentences), "done": corpus.done, "ready": corpus.ready}
