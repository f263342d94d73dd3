"""Static word vectors in the text format of word2vec and fastText: a sentence is the mean of its words."""

import gzip
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from terna.arrays import Vectors
from terna.encoder.usage import Usage
from terna.errors import DataError

# a word is a run of letters, digits and underscores, as for the lexical baselines
WORD = re.compile(r"\w+")


class WordVectors:
    """The mean of the vectors of a text's lower-cased words; words that the file lacks are skipped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.usage = Usage()

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        """Vectors float32 (len(texts), dimension); a text without a known word has zeros; the prompt's words count.

        The file, which may be larger than memory, is read through once a call; of a word that comes twice the first
        vector counts. Raises DataError, with file and line, for one that is damaged.
        """
        words = [WORD.findall(((prompt or "") + text).lower()) for text in texts]
        known, dimension = read(self.path, {word for each in words for word in each})
        found = np.zeros((len(texts), dimension), np.float32)
        for row, each in enumerate(words):
            if vectors := [known[word] for word in each if word in known]:
                found[row] = np.mean(vectors, axis=0, dtype=np.float64)
        return found


def read(path: Path, wanted: Collection[str]) -> tuple[dict[str, Vectors], int]:
    """The vectors of the wanted words that a file has, and how many numbers a vector holds.

    Format: https://fasttext.cc/docs/en/crawl-vectors.html; the first line, `words dimension`, may be missing.
    """
    # compared as bytes: such files hold words that are no UTF-8
    places = {word.encode(): word for word in wanted}
    known: dict[str, Vectors] = {}
    dimension = 0
    for number, line in enumerate(_lines(path), start=1):
        if number == 1:
            first = line.split()
            header = len(first) == 2 and first[0].isdigit() and first[1].isdigit()
            dimension = int(first[1]) if header else len(first) - 1
            if header:
                continue
        word = places.get(line.split(maxsplit=1)[0]) if line.strip() else None
        if word is not None and word not in known and (vector := _vector(line, dimension, f"{path}, line {number}")):
            known[word] = np.array(vector, np.float32)
    if dimension < 1:
        raise DataError(f"{path}: no word vectors; expected lines of a word and its numbers")
    return known, dimension


def _vector(line: bytes, dimension: int, where: str) -> list[float]:
    """The numbers of a line; none where the word has blanks, as in a few files, and so is another word."""
    parts = line.split()[1:]
    if len(parts) > dimension:
        return []
    try:
        numbers = [float(part) for part in parts]
    except ValueError as error:
        raise DataError(f"{where}: {error}; expected a word and {dimension} numbers. Get the file again") from error
    if len(numbers) < dimension:
        raise DataError(f"{where}: {len(numbers)} numbers, expected {dimension}; get the file again")
    return numbers


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); get the file again") from error
