"""Texts to vectors, a chunk of lines at a time."""

import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from terna.arrays import Vectors
from terna.errors import ModelError
from terna.serving.cli.lines import chunks
from terna.serving.cli.streams import tell
from terna.systems import System

# texts, None for a bad line, and their vectors (n, dimension), NaN for a bad line
Encoded = tuple[list[str | None], Vectors]


def encoded(
    system: System, lines: Iterable[bytes], size: int, name: str, prompt: str | None = None
) -> Iterator[Encoded]:
    """Up to `size` lines at a time and their vectors; a bar on a terminal, and in the end a word on bad lines.

    prompt: see `System.encode`.

    Raises DataError, with `name`, for lines that cannot be read, and ModelError as `vectors_of` does.
    """
    bad = count = 0
    with tqdm(unit=" lines", disable=not sys.stderr.isatty()) as bar:
        for texts in chunks(lines, size, name):
            good = [text is not None for text in texts]
            found = vectors_of(system, [text for text in texts if text is not None], prompt)
            vectors = np.full((len(texts), found.shape[1]), np.nan, np.float32)
            vectors[good] = found
            yield texts, vectors
            bar.update(len(texts))
            count += len(texts)
            bad += texts.count(None)
    if bad:
        tell(f"{name}: {bad} of {count} lines are blank or not UTF-8: they have no vector")


def vectors_of(system: System, texts: Sequence[str], prompt: str | None = None) -> Vectors:
    """Vectors (n, dimension) of texts, see `System.encode`; ModelError where they hold values that are no numbers."""
    vectors = system.encode(texts, prompt=prompt)
    if not np.isfinite(vectors).all():
        raise ModelError("--model: its vectors hold values that are no numbers; train it again, or give another")
    return vectors
