"""Vectors that are cut and quantized: what they cost in figures and in what a search finds; and the HNSW index.

    TERNA_MIRROR=/path/to/files python benchmarks/small_vectors.py [--model FOLDER] [--prompt TEXT] [--queries 1000]
                                                                   [--many 100000]

--model: an encoder's folder; by default MiniLM with mean pooling. Figures: the cosine of STS-2014-es's pairs, the first
sentence in float32 and the second as it is stored, in the first row, and what the others gain on it. Recall: how many
of the 10 lines nearest by the whole vectors a search finds, for --queries of the Spanish sentences of ESXNLI and XNLI
among the others.
Intervals are of the bootstrap over pairs and queries. The index is measured among these sentences and among --many
made-up vectors around them (0: not), in seconds of the processors. Prints tables.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
from backends import minilm
from lines import sentences
from workload import composed, scored

from terna.arrays import Floats, Vectors
from terna.data.evaluators import Similarity
from terna.data.mining import faiss_for
from terna.metrics.ranking import Ranking, by_query
from terna.metrics.significance import against
from terna.metrics.similarity import pairwise
from terna.metrics.task import figures, intervals
from terna.running.process import settle
from terna.serving.cli import approximate, corpus
from terna.serving.cli.nearest import Nearest, nearest, rescored
from terna.serving.cli.quantization import KINDS, Layout, quantized, restored
from terna.serving.cli.writers import parquet
from terna.systems import System, load_system

DEPTH, RESCORE, CHUNK, SEED = 10, 4, 8192, 0
BYTES = {"float32": 4.0, "int8": 1.0, "binary": 1 / 8}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompt", default="")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    asked = parser.parse_args()
    settle()
    with tempfile.TemporaryDirectory() as scratch:
        system = load_system(str(asked.model or minilm(Path(scratch) / "minilm")))
        lines = sentences(1 << 30)
        order = np.random.default_rng(SEED).permutation(len(lines))
        queries, others = ([lines[place] for place in part] for part in np.split(order, [asked.queries]))
        search = Search(Path(scratch), system, asked.prompt, queries, others)
        report(search, Similarity("sts2014-es", scored(composed("experiment=minilm_esxnli"), "sts2014-es")))
        index(search, asked.many)


class Search:
    """Queries among other sentences, by one system: vectors, and what is nearest by the whole ones."""

    def __init__(self, folder: Path, system: System, prompt: str, queries: list[str], lines: list[str]) -> None:
        self.folder, self.system, self.prompt, self.lines = folder, system, prompt, lines
        self.task = Ranking.of(queries)
        self.queries, self.vectors = self.encode(queries), self.encode(lines)
        self.layout = Layout("float32", self.queries.shape[1])
        self.due = self.exact(self.layout, DEPTH)

    def encode(self, texts: list[str]) -> Vectors:
        """Vectors (n, d)."""
        return self.system.encode(texts, prompt=self.prompt)

    def stored(self, layout: Layout) -> Path:
        """The file that `encode` writes of the lines."""
        return written(self.folder / "lines.parquet", self.lines, self.vectors, layout)

    def exact(self, layout: Layout, count: int) -> list[Nearest]:
        """What `search` finds."""
        chunks = corpus.vectors_in(self.stored(layout), CHUNK, layout)
        return nearest(self.queries[:, : layout.dimensions], chunks, count, "cosine")[0]

    def rescored(self, layout: Layout) -> list[Nearest]:
        """What `search --rescore` finds."""
        found = self.exact(layout, RESCORE * DEPTH)
        known = dict(zip(self.lines, self.vectors, strict=True))
        encode = lambda parts: (np.stack([known[text] for text in part]) for part in parts)  # noqa: E731
        return rescored(found, self.queries, DEPTH, encode, CHUNK)

    def recall(self, found: Sequence[Nearest]) -> str:
        """The share of what is due that was found, with its interval over queries."""
        outcome = {"found": outcomes(self.due, found)}
        low, high = intervals(self.task, outcome, seed=SEED)["found_recall@10"]
        return f"{outcome['found'][:, 2].mean():.3f} ({low:.3f} to {high:.3f})"


def written(path: Path, lines: Sequence[str], vectors: Vectors, layout: Layout) -> Path:
    """Lines and the first dimensions of their vectors, as they are stored."""
    with path.open("wb") as sink, parquet(sink, layout, {}) as write:
        for first in range(0, len(lines), CHUNK):
            part = slice(first, first + CHUNK)
            write(lines[part], vectors[part, : layout.dimensions])
    return path


def outcomes(due: Sequence[Nearest], found: Sequence[Nearest]) -> Floats:
    """What `by_query` gives, (q, 4), where the lines that are due are the relevant ones."""
    ranks = [
        np.append(np.flatnonzero(one.lines == line), 1 << 30)[0] + 1
        for own, one in zip(due, found, strict=True)
        for line in own.lines
    ]
    query = np.repeat(np.arange(len(due)), [len(own.lines) for own in due])
    return by_query(np.array(ranks), query, np.ones(len(ranks)), len(due))


def report(search: Search, pairs: Similarity) -> None:
    """A row for each number of dimensions and each way to store them."""
    whole = search.layout.dimensions
    layouts = [Layout(kind, whole // part) for part in (1, 2, 4) for kind in KINDS]
    first, second = np.split(search.encode(pairs.texts), 2)
    cosines = {each: cosine(first, second, each) for each in layouts}
    named = {f"{each.dimensions} {each.kind}": values for each, values in cosines.items()}
    gaps = {kind: differences(named, f"{whole} float32", pairs, kind) for kind in ("pearson", "spearman")}
    print("| dimensions | values | bytes a vector | Pearson | Spearman | recall@10 |")
    print("|--:|---|--:|--:|--:|--:|")
    for each in layouts:
        name = f"{each.dimensions} {each.kind}"
        size = each.dimensions * BYTES[each.kind] + 4 * (each.kind == "int8")
        told = " | ".join(gaps[kind][name] for kind in gaps)
        print(f"| {each.dimensions} | {each.kind} | {size:.0f} | {told} | {search.recall(search.exact(each, DEPTH))} |")
        if each.kind == "binary":
            again = search.recall(search.rescored(each))
            print(f"| {each.dimensions} | binary, --rescore {RESCORE} | {size:.0f} | | | {again} |")
    print(f"{len(pairs.gold)} pairs; {len(search.queries)} queries among {len(search.lines)} sentences\n", flush=True)


def cosine(first: Vectors, second: Vectors, layout: Layout) -> Floats:
    """Of each pair, (n,), with the second vector as it is stored."""
    cut = slice(layout.dimensions)
    kept = restored(*quantized(second[:, cut], layout.kind), layout)
    return pairwise(first[:, cut], kept)["cosine"]


def differences(named: dict[str, Floats], whole: str, pairs: Similarity, kind: str) -> dict[str, str]:
    """By name, the figure of `whole`, and what that of each other is more, with its interval."""
    found = against(whole, named, pairs.metric, kind, seed=SEED)
    signed = {one.system: [-value or 0.0 for value in (one.difference, one.high, one.low)] for one in found}
    told = {name: f"{gap:+.4f} ({low:+.4f} to {high:+.4f})" for name, (gap, low, high) in signed.items()}
    return {whole: f"{figures(pairs.metric, {'': named[whole]})[f'_{kind}']:.4f}"} | told


def index(search: Search, many: int) -> None:
    """The HNSW index and the exact search, seconds and recall, among the lines and among made-up ones."""
    print("| lines | exact, s | by the index, s | made in, s | index, MiB | recall@10 |")
    print("|--:|--:|--:|--:|--:|--:|")
    compared(search)
    if many:
        rng = np.random.default_rng(SEED)
        near = search.vectors[rng.integers(len(search.lines), size=many)]
        spread = np.linalg.norm(near, axis=1, keepdims=True) / np.sqrt(near.shape[1])
        search.vectors = near + spread * rng.standard_normal(near.shape, np.float32)
        search.lines = [str(number) for number in range(many)]
        compared(search)
    print(f"{len(search.queries)} queries; faiss {faiss_for('index').__version__}")


def compared(search: Search) -> None:
    """A row."""
    path, file = search.stored(search.layout), search.folder / f"{len(search.lines)}.faiss"
    size = search.layout.dimensions
    start = process_time()
    due, _ = nearest(search.queries, corpus.vectors_in(path, CHUNK, search.layout), DEPTH, "cosine")
    exact = process_time() - start
    took = []
    for _ in range(2):  # the first one makes the index
        start = process_time()
        found, _ = approximate.nearest(file, path, search.layout, search.queries, DEPTH, CHUNK)
        took.append(process_time() - start)
    search.due, held = due, file.stat().st_size / 2**20
    told = f"{exact:.1f} | {took[1]:.1f} | {took[0] - took[1]:.0f} | {held:.0f} | {search.recall(found)}"
    print(f"| {len(search.lines):,} of {size} | {told} |", flush=True)


if __name__ == "__main__":
    main()
