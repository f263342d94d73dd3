"""Approximate search among millions of lines: faiss's HNSW graph of their vectors, in a file beside them."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from terna.arrays import Vectors
from terna.data.mining import faiss_for
from terna.errors import DataError, words_of
from terna.metrics.similarity import unit
from terna.records import replacing, write_json
from terna.serving.cli import corpus
from terna.serving.cli.nearest import Nearest
from terna.serving.cli.quantization import Layout

OPTION = "--index"
# neighbours that a line is linked with; lines that are looked at to link one, and to answer a query
LINKS, LINKING, LOOKED_AT = 32, 100, 256
# how far faiss's products of float32 may be off
ROUNDING = 1e-4


def check(file: Path, path: Path, measure: str) -> None:
    """DataError, or ModelError without faiss, for what cannot be: told before any work."""
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
    graph, found = _opened(file, path), [Nearest(query, count, "cosine") for query in queries]
    most = max(1, min(count, graph.ntotal))
    _hnsw(graph).efSearch = max(LOOKED_AT, most)
    near, lines = graph.search(_directions(queries), most)
    texts, rows = corpus.texts_at(path, lines[lines >= 0])
    for one, scores, own in zip(found, near, lines, strict=True):
        there = own[own >= 0]
        vectors = graph.reconstruct_batch(there)
        one.add([texts[line] for line in there.tolist()], there, vectors, scores[own >= 0], ROUNDING)
    return found, rows


def _make(file: Path, path: Path, stored: Layout, size: int) -> None:
    """The same graph for the same vectors: one thread links their lines, in order."""
    faiss, place = faiss_for(OPTION), 0
    graph = faiss.IndexIDMap2(faiss.IndexHNSWFlat(stored.dimensions, LINKS, faiss.METRIC_INNER_PRODUCT))
    _hnsw(graph).efConstruction = LINKING
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        with tqdm(unit=" lines", desc=OPTION, disable=not sys.stderr.isatty()) as bar:
            for texts, vectors in corpus.vectors_in(path, size, stored):
                known = np.flatnonzero([text is not None for text in texts])
                graph.add_with_ids(_directions(vectors[known]), place + known)
                place += len(texts)
                bar.update(len(texts))
    finally:
        faiss.omp_set_num_threads(threads)
    write_json({"corpus": _digest(path)}, _beside(file))
    with replacing(file) as beside:
        faiss.write_index(graph, str(beside))


def _opened(file: Path, path: Path) -> Any:
    remedy = f"remove it, or give another {OPTION}"
    try:
        own = json.loads(_beside(file).read_bytes())["corpus"]
        if own != _digest(path):
            raise DataError(f"{OPTION} {file}: made of another corpus than {path}; {remedy}")
        return faiss_for(OPTION).read_index(str(file))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{OPTION} {file}: not what search wrote there ({words_of(error)}); {remedy}") from error


def _directions(vectors: Vectors) -> Vectors:
    return unit(vectors.astype(np.float64)).astype(np.float32)


def _hnsw(graph: Any) -> Any:
    return faiss_for(OPTION).downcast_index(graph.index).hnsw


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _digest(path: Path) -> str:
    """The sha256 of the footers of Parquet files, which have the sizes and extremes of each group of rows."""
    found = hashlib.sha256()
    for each in corpus.files(path):
        with each.open("rb") as file:
            file.seek(-8, 2)
            length = int.from_bytes(file.read(4), "little")
            file.seek(-8 - length, 2)
            found.update(file.read(length))
    return found.hexdigest()
