"""Approximate search among millions of lines: faiss's HNSW graph of their vectors, in a file beside them."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from terna.arrays import Ints, Vectors
from terna.data.mining import faiss_for
from terna.errors import DataError, words_of
from terna.metrics.similarity import unit
from terna.records import replacing, sha256_of, write_json
from terna.serving.cli import corpus
from terna.serving.cli.nearest import Nearest
from terna.serving.cli.quantization import Layout

OPTION = "--index"
# neighbours that a line is linked with; lines that are looked at to link one, and to answer a query
LINKS, LINKING, LOOKED_AT = 32, 100, 256
# how far faiss's products of float32 may be off
ROUNDING = 1e-4

# by the first line that has a vector: the others that have it, rising
Copies = dict[int, list[int]]


class Seen:
    """The vectors that were met: the first line of each, by the vector's digest, and its copies."""

    def __init__(self) -> None:
        self.firsts: dict[bytes, int] = {}
        self.copies: Copies = {}

    def new(self, vectors: Vectors, lines: Ints) -> list[int]:
        """The rows of vectors (n, d), which are those of lines (n,), that were not met before."""
        rows = []
        for row, line in enumerate(lines.tolist()):
            first = self.firsts.setdefault(hashlib.blake2b(vectors[row].tobytes(), digest_size=16).digest(), line)
            if first == line:
                rows.append(row)
            else:
                self.copies.setdefault(first, []).append(line)
        return rows


def check(file: Path, path: Path, measure: str) -> None:
    """DataError, or ModelError without faiss, for what cannot be: told before any work."""
    if file.is_dir() or any(file.exists() and file.samefile(each) for each in corpus.files(path)):
        found = "a folder" if file.is_dir() else "part of the corpus itself"
        raise DataError(f"{OPTION} {file}: {found}; give a file of its own, as vectors.faiss")
    if not corpus.has_vectors(path):
        raise DataError(f"{OPTION} {file}: for vectors that encode wrote in Parquet, and --corpus {path} is a text")
    if measure != "cosine":
        raise DataError(f"{OPTION} {file}: for --measure cosine alone; leave {OPTION} out to search by {measure}")
    faiss_for(OPTION)


def nearest(
    file: Path, path: Path, stored: Layout, queries: Vectors, count: int, size: int
) -> tuple[list[Nearest], int]:
    """As `nearest.nearest` of the corpus `path`, by cosine; some of the lines may be less near than others.

    The graph in `file` is made if it is not there, from `size` lines at a time. Raises DataError for one of another
    corpus.
    """
    if not file.exists():
        _make(file, path, stored, size)
    (graph, copies), found = _opened(file, path), [Nearest(query, count, "cosine") for query in queries]
    most = max(1, min(count, graph.ntotal))
    _hnsw(graph).efSearch = max(LOOKED_AT, most)
    for one, near, firsts in zip(found, *graph.search(_directions(queries), most), strict=True):
        _add(one, graph, copies, near[firsts >= 0], firsts[firsts >= 0])
    texts, rows = corpus.texts_at(path, [line for one in found for line in one.lines.tolist()])
    for one in found:
        one.texts = [texts[line] for line in one.lines.tolist()]
    return found, rows


def _add(one: Nearest, graph: Any, copies: Copies, near: Vectors, firsts: Ints) -> None:
    """Take in all lines whose vectors were found: firsts (n,), and the copies of each; near (n,): their scores."""
    lines = [np.array([first, *copies.get(first, [])])[: one.count] for first in firsts.tolist()]
    row = np.repeat(np.arange(len(lines)), np.array([len(own) for own in lines], np.int64))
    every = np.concatenate([firsts[:0], *lines])
    one.add([""] * len(every), every, graph.reconstruct_batch(firsts)[row], near[row].astype(np.float64), ROUNDING)


def _make(file: Path, path: Path, stored: Layout, size: int) -> None:
    """The same graph for the same vectors: one thread links their lines, in order.

    Of equal vectors the first alone is in it: linked with nothing but each other, they would hide the rest.
    """
    faiss, place, seen = faiss_for(OPTION), 0, Seen()
    mark = {"corpus": _digest(path), "copies": seen.copies}
    graph = faiss.IndexIDMap2(faiss.IndexHNSWFlat(stored.dimensions, LINKS, faiss.METRIC_INNER_PRODUCT))
    _hnsw(graph).efConstruction = LINKING
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        with tqdm(unit=" lines", desc=OPTION, disable=not sys.stderr.isatty()) as bar:
            for texts, vectors in corpus.vectors_in(path, size, stored):
                known = np.flatnonzero([text is not None for text in texts])
                directions = _directions(vectors[known])
                new = seen.new(directions, place + known)
                graph.add_with_ids(directions[new], place + known[new])
                place += len(texts)
                bar.update(len(texts))
    finally:
        faiss.omp_set_num_threads(threads)
    write_json(mark, _beside(file))
    with replacing(file) as beside:
        faiss.write_index(graph, str(beside))


def _opened(file: Path, path: Path) -> tuple[Any, Copies]:
    """The graph, and the copies of its lines."""
    remedy = f"remove it, or give another {OPTION}"
    try:
        mark = json.loads(_beside(file).read_bytes())
        if mark["corpus"] != _digest(path):
            raise DataError(f"{OPTION} {file}: made of another corpus than {path}; {remedy}")
        copies = {int(first): lines for first, lines in mark["copies"].items()}
        return faiss_for(OPTION).read_index(str(file)), copies
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{OPTION} {file}: not what search wrote there ({words_of(error)}); {remedy}") from error


def _directions(vectors: Vectors) -> Vectors:
    # 0 is added so that there is no -0, which has other bytes
    return unit(vectors.astype(np.float64)).astype(np.float32) + np.float32(0)


def _hnsw(graph: Any) -> Any:
    return faiss_for(OPTION).downcast_index(graph.index).hnsw


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _digest(path: Path) -> str:
    """The sha256 of those of the corpus's files, in the order of their rows."""
    return hashlib.sha256("".join(map(sha256_of, corpus.files(path))).encode()).hexdigest()
