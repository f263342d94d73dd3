"""What the commands do."""

import heapq
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm
from transformers.utils.logging import disable_progress_bar

from terna.arrays import Vectors
from terna.errors import DataError, ModelError
from terna.metrics.similarity import pairwise
from terna.records import replacing
from terna.serving.cli.arguments import DEFAULT
from terna.serving.cli.lines import chunks, pair_of
from terna.serving.cli.writers import FORMATS, WRITERS
from terna.serving.onnx_export import write
from terna.systems import System, load_system, locate

Found = tuple[list[str | None], Vectors]

disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading weights, which takes no time


def encode(asked: Namespace) -> None:
    """A vector for each line of standard input."""
    kind = _format(asked.out, asked.format)
    system = load_system(asked.model)
    bad = count = 0
    with _sink(asked.out) as sink, WRITERS[kind](sink, _dimension(system)) as write:
        for texts, vectors in _encoded(system, sys.stdin.buffer, asked.chunk):
            write(texts, vectors)
            count += len(texts)
            bad += texts.count(None)
    if bad:
        print(f"{bad} of {count} lines are blank or no UTF-8: they have no vector", file=sys.stderr)


def search(asked: Namespace) -> None:
    """The nearest lines of a corpus to each query."""
    given = asked.queries or [text for many in chunks(sys.stdin.buffer, asked.chunk) for text in many if text]
    if not given:
        raise DataError("no query: give some, or lines on standard input")
    system = load_system(asked.model)
    queries = system.encode(given)
    best: list[list[tuple[float, int, str]]] = [[] for _ in given]
    place = 0
    for texts, vectors in _corpus(asked.corpus, system, asked.chunk):
        if vectors.shape[1] != queries.shape[1]:
            raise DataError(
                f"{asked.corpus}: vectors of {vectors.shape[1]} dimensions, the model's have {queries.shape[1]}; "
                "encode the corpus with the same model"
            )
        lines = [(-place - row, text) for row, text in enumerate(texts) if text is not None]  # of equals the first
        known = vectors[[text is not None for text in texts]]
        for number, query in enumerate(queries):
            scores = pairwise(np.broadcast_to(query, known.shape), known)[asked.measure].tolist()
            found = ((score, *line) for score, line in zip(scores, lines, strict=True))
            best[number] = heapq.nlargest(asked.top, chain(best[number], found))
        place += len(texts)
    for query, nearest in zip(given, best, strict=True):
        if len(given) > 1:
            print(query)
        for rank, (score, _, text) in enumerate(nearest, start=1):
            print(rank, f"{score:.6f}", text, sep="\t")


def similarity(asked: Namespace) -> None:
    """The four similarities of two sentences, or of each pair of standard input."""
    if len(asked.sentences) not in (0, 2):
        raise DataError(f"{len(asked.sentences)} sentences: give two, or none and pairs on standard input")
    lines = enumerate(sys.stdin.buffer, start=1) if not asked.sentences else ()
    pairs = [tuple(asked.sentences)] if asked.sentences else [pair_of(line, number) for number, line in lines]
    if not pairs:
        raise DataError("no pair: give two sentences, or lines on standard input")
    first, second = zip(*pairs, strict=True)
    found = pairwise(*np.split(load_system(asked.model).encode([*first, *second]), 2))
    print(*found, "sentence1", "sentence2", sep="\t")
    for row, pair in enumerate(pairs):
        print(*(f"{values[row]:.6f}" for values in found.values()), *pair, sep="\t")


def onnx(asked: Namespace) -> None:
    """A copy of an encoder's folder, with its backbone in ONNX."""
    for file in write(locate(asked.model), asked.out, int8=asked.int8):
        print(file, f"{file.stat().st_size / 2**20:.1f} MiB", sep="\t")


def demo(asked: Namespace) -> None:
    """The page to try the encoder, until Ctrl-C."""
    if asked.model == DEFAULT and not Path(DEFAULT).is_dir():  # a hub name as well, which nobody means
        raise ModelError(f"{DEFAULT}: not there; `make run` trains it, or name another with --model")
    from terna.serving.demo import (
        serve,  # scikit-learn takes a second to import, which the other commands need not wait for
    )

    serve(asked.model, asked.port)


def _format(out: Path | None, asked: str | None) -> str:
    named = out.suffix.removeprefix(".") if out else "parquet"
    kind = asked or named
    if kind not in WRITERS:
        raise DataError(f"--out {out}: what is to be written? Name it .{', .'.join(FORMATS)}, or give --format")
    if out is None and kind != "jsonl" and sys.stdout.isatty():
        raise DataError(f"{kind} is not for a terminal: redirect it, or give --out or --format jsonl")
    return kind


@contextmanager
def _sink(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(out) as beside, beside.open("wb") as file:
        yield file


def _dimension(system: System) -> int:
    return int(system.encode(["."]).shape[1])


def _encoded(system: System, lines: BinaryIO, size: int) -> Iterator[Found]:
    """Lines and their vectors, NaN for a bad line; a bar on a terminal."""
    with tqdm(unit=" lines", disable=not sys.stderr.isatty()) as bar:
        for texts in chunks(lines, size):
            good = [text is not None for text in texts]
            found = system.encode([text for text in texts if text is not None])
            vectors = np.full((len(texts), found.shape[1]), np.nan, np.float32)
            vectors[good] = found
            yield texts, vectors
            bar.update(len(texts))


def _corpus(path: Path, system: System, size: int) -> Iterator[Found]:
    if path.suffix == ".parquet":
        yield from _stored(path, size)
        return
    try:
        with path.open("rb") as lines:
            yield from _encoded(system, lines, size)
    except OSError as error:
        raise DataError(f"--corpus {path}: {error.strerror}; give a text file or what encode wrote") from error


def _stored(path: Path, size: int) -> Iterator[Found]:
    """What `encode` wrote in Parquet."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(size, columns=["text", "vector"]):
                yield batch["text"].to_pylist(), _rows(batch["vector"])
    except (OSError, KeyError, pa.ArrowInvalid, AttributeError) as error:
        raise DataError(f"--corpus {path}: no columns text and vector that encode wrote ({error})") from error


def _rows(vectors: Any) -> Vectors:
    """(n, dimension) float32, NaN where there is no vector."""
    filled = np.asarray(vectors.values.slice(vectors.offset * vectors.type.list_size), np.float32)
    rows = filled[: len(vectors) * vectors.type.list_size].reshape(len(vectors), -1).copy()
    rows[np.asarray(vectors.is_null())] = np.nan
    return rows
