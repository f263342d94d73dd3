"""Texts to vectors, a chunk of lines at a time."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from terna.arrays import Vectors
from terna.errors import ModelError
from terna.serving.cli.lines import argument_of, chunks
from terna.serving.cli.streams import tell
from terna.systems import System

# texts, None for a bad line, and their vectors (n, dimension), NaN for a bad line
Encoded = tuple[list[str | None], Vectors]
# chunks of texts to their vectors, in order; some chunks may be taken ahead
EncodeAll = Callable[[Iterable[list[str]]], Iterator[Vectors]]


def encode_all(system: System, prompt: str | None = None) -> EncodeAll:
    """A system as what encodes chunk after chunk; prompt: see `System.encode`."""
    return lambda chunks: (vectors_of(system, texts, prompt) for texts in chunks)


def encoded(encode: EncodeAll, lines: Iterable[bytes], size: int, name: str) -> Iterator[Encoded]:
    """Up to `size` lines at a time and their vectors; a bar on a terminal, and in the end a word on bad lines.

    Raises DataError, with `name`, for lines that cannot be read, and ModelError as `vectors_of` does.
    """
    bad = count = 0
    with tqdm(unit=" lines", disable=not sys.stderr.isatty()) as bar:
        for texts, vectors in in_places(encode, chunks(lines, size, name)):
            yield texts, vectors
            bar.update(len(texts))
            count += len(texts)
            bad += texts.count(None)
    if bad:
        tell(f"{name}: {bad} of {count} lines are blank or not UTF-8: they have no vector")


def in_places(encode: EncodeAll, many: Iterable[list[str | None]]) -> Iterator[Encoded]:
    """Chunks of texts and their vectors, of which a bad line's is NaN; only the good ones are given to `encode`."""
    taken: deque[list[str | None]] = deque()

    def good() -> Iterator[list[str]]:
        for texts in many:
            taken.append(texts)
            yield [text for text in texts if text is not None]

    for found in encode(good()):
        texts = taken.popleft()
        vectors = np.full((len(texts), found.shape[1]), np.nan, np.float32)
        vectors[[text is not None for text in texts]] = found
        yield texts, vectors


def vectors_of(system: System, texts: Sequence[str], prompt: str | None = None) -> Vectors:
    """Vectors (n, dimension) of texts, see `System.encode`; ModelError where they hold values that are not numbers."""
    vectors = system.encode(texts, prompt=prompt)
    if not np.isfinite(vectors).all():
        raise ModelError("--model: its vectors hold values that are not numbers; train it again, or give another")
    return vectors


def prompt_of(system: System, text: str | None, name: str | None) -> str:
    """What is put before each line: what is asked for by text or by name, else the default prompt."""
    if text is not None:
        return argument_of(text, "--prompt") if text else ""
    return system.usage.prompt if name is None else system.usage.named(name)


def dimension_of(system: System, prompt: str) -> int:
    """How many figures a vector has."""
    return int(system.encode(["."], prompt=prompt).shape[1])
