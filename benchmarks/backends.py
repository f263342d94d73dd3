"""An encoder by torch and by onnxruntime, in each precision: figures, and speed in alternation.

    TERNA_MIRROR=/path/to/files python benchmarks/backends.py [--model FOLDER] [--sts sts2015-es] [--pairs 10]
                                                              [--long 8]

--model: an encoder's folder; by default MiniLM with mean pooling. --sts: sts2014-es, sts2015-es, or a folder with
SemEval's files. Each side lives in a process of its own and works while the others wait, on --sentences of the
benchmark's, with --long that many of them joined into each text; a ratio is the time of torch in float32 over the
side's of one round: above 1 the side is faster. Prints a table.
"""

import argparse
import statistics
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from workload import composed, scored

from terna.data.corpora import read_sts
from terna.encoder import build_encoder, load_tokenizer, save
from terna.metrics.correlations import figures
from terna.metrics.similarity import pairwise
from terna.records import sentences_of
from terna.running.process import settle
from terna.serving import onnx_export
from terna.settings import Corpus, File
from terna.settings.devices import Precision
from terna.systems import load_system

# what an export writes
KINDS = ("float32", "int8")


def serve(path: Path, precision: Precision, threads: int, pipe: Connection) -> None:
    """Encode until None comes: texts → (seconds, vectors)."""
    settle()
    torch.set_num_threads(threads)
    encoder = load_system(str(path), "cpu", precision)
    pipe.send(None)
    while (texts := pipe.recv()) is not None:
        start = perf_counter()
        vectors = encoder.encode(texts)
        pipe.send((perf_counter() - start, vectors))


class Side:
    """A way to encode, in a process of its own."""

    def __init__(self, name: str, path: Path, precision: Precision, threads: int) -> None:
        self.name = name
        self.pipe, other = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=serve, args=(path, precision, threads, other))
        self.process.start()
        self.pipe.recv()
        self.ratios: list[float] = []

    def encode(self, texts: list[str]) -> tuple[float, Any]:
        """Seconds and vectors."""
        self.pipe.send(texts)
        found: tuple[float, Any] = self.pipe.recv()
        return found

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


def benchmark(name: str) -> pa.Table:
    """A benchmark by name, or the pairs of a folder in SemEval's layout."""
    folder = Path(name)
    if not folder.is_dir():
        return scored(composed("experiment=minilm_esxnli"), name)
    files = [File(addresses=[path.name], sha256=[]) for path in sorted(folder.glob("STS.*.txt"))]
    corpus = Corpus(format="semeval_sts", language="es", files=files, licence="unknown", citation="", exact=False)
    return read_sts(name, corpus, folder)


def minilm(folder: Path) -> Path:
    """The packaged MiniLM with mean pooling."""
    model = composed("experiment=minilm_esxnli").model
    save(build_encoder(model, load_tokenizer(model, [])).eval(), folder)
    return folder


def least_cosine(first: Any, second: Any) -> float:
    """Of the vectors of one sentence by two sides."""
    return float(pairwise(first, second)["cosine"].min())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sts", default="sts2015-es")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--sentences", type=int, default=256)
    parser.add_argument("--long", type=int, default=1, help="sentences joined into each text (1)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    table = benchmark(asked.sts)
    with tempfile.TemporaryDirectory() as scratch:
        model = asked.model or minilm(Path(scratch) / "minilm")
        files = onnx_export.write(model, Path(scratch) / "graph", int8=True)
        sides = [
            *(Side(f"torch, {each}", model, each, asked.threads) for each in ("float32", "bfloat16", "int8")),
            *(Side(f"ONNX, {each}", path, "float32", asked.threads) for each, path in zip(KINDS, files, strict=True)),
        ]
        report(sides, table, asked.pairs, asked.sentences, asked.long)
        for side in sides:
            side.close()


def report(sides: list[Side], table: pa.Table, pairs: int, count: int, long: int) -> None:
    """Figures on all pairs, then rounds on some sentences, then the table."""
    first, second = sentences_of(table)
    texts = [*first, *second]
    vectors = [side.encode(texts)[1] for side in sides]
    each = list(dict.fromkeys(texts))[: count * long]
    some = [" ".join(each[first : first + long]) for first in range(0, len(each), long)]
    for _ in range(pairs):
        seconds = [side.encode(some)[0] for side in sides]
        for side, took in zip(sides, seconds, strict=True):
            side.ratios.append(seconds[0] / took)
    print(
        "| | Pearson / Spearman | least cosine with the vector in float32 | times as fast: median | lowest to highest |"
    )
    print("|---|--:|--:|--:|--:|")
    for side, found in zip(sides, vectors, strict=True):
        gold = table["gold"].to_numpy()
        told = figures({"cosine": pairwise(*np.split(found, 2))["cosine"]}, gold)
        speed = f"{statistics.median(side.ratios):.2f} | {min(side.ratios):.2f} to {max(side.ratios):.2f}"
        agreed = " / ".join(f"{value:.4f}" for value in told.values())
        print(f"| {side.name} | {agreed} | {least_cosine(vectors[0], found):.4f} | {speed} |")
    print(f"{pairs} rounds of {len(some)} sentences; figures on {table.num_rows} pairs")


if __name__ == "__main__":
    main()
