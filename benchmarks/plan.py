"""From texts to the first batch: our plan against sentence-transformers' NO_DUPLICATES_HASHED.

    python benchmarks/plan.py [--rows 1000000] [--pairs 3] [--sizes 64 512]

The triplets are made here in SNLI's shape: a premise is in several rows, a fifth of the hypotheses come from a pool of
which the first are drawn thousands of times, and each sentence is an anchor and a positive. Both sides start from
Arrow columns in memory, in alternation in one process: ours hashes the texts and plans the whole epoch, so that its
length is exact; the neighbour's sampler hashes the texts and finds the first batch. One full pass of each gives the
rows outside full batches; the neighbour's takes minutes at a size of 4096. Each column is one chunk: the neighbour took
about three times as long over the several chunks that a Parquet file is read in.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, disable_progress_bars
from hashes import hashes
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from synthetic_nli import SNLI, hypotheses, sentences, vocabulary

from terna.arrays import Ints
from terna.records import TEXTS
from terna.running.process import settle
from terna.sentences import fold
from terna.training.batches.plan import plan

ROWS = 1_000_000
PREMISES = 0.4  # distinct premises, for each two rows


@dataclass(frozen=True)
class Compared:
    """Times the neighbour took over times ours took, a pair each; rows of one pass that are in no full batch.

    hashing, planning: CPU seconds of our two parts, all threads together, a value a pair.
    """

    batch_size: int
    ratios: list[float]
    hashing: list[float]
    planning: list[float]
    left_by_us: int
    left_by_neighbour: int

    def __str__(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"batch {self.batch_size:,}: {statistics.median(self.ratios):.1f} times as fast "
            f"({low:.1f} to {high:.1f}, {len(self.ratios)} pairs); rows outside full batches: "
            f"{self.left_by_us:,}, the neighbour {self.left_by_neighbour:,}; CPU seconds of ours: hashing "
            f"{statistics.median(self.hashing):.2f}, planning {statistics.median(self.planning):.2f}"
        )


@cache
def triplets(rows: int, seed: int = 0) -> pa.Table:
    """The three columns of texts, made up; the few rows that have a sentence twice stay in."""
    rng, words, half = np.random.default_rng(seed), vocabulary("es", seed), rows // 2
    distinct = np.array(sentences(words, SNLI.premise, max(1, round(PREMISES * half)), rng), object)
    premise = distinct[rng.integers(len(distinct), size=half)]
    entailed, *contradicting = (np.array(hypotheses(words, SNLI, half, rng), object) for _ in range(3))
    columns = ([premise, entailed], [entailed, premise], contradicting)
    return pa.table([pa.array(np.stack(pair, axis=1).ravel(), pa.string()) for pair in columns], list(TEXTS))


def hashed(table: pa.Table) -> Ints:
    """(rows, 3): what stands for the texts in our plan."""
    texts = pa.chunked_array([chunk for column in table.columns for chunk in column.chunks], pa.string())
    return hashes(texts).reshape(3, -1).T


def ours(table: pa.Table, batch_size: int) -> Iterator[list[int]]:
    """The batches of epoch 0."""
    return (batch.tolist() for batch in plan(hashed(table), batch_size, 0, 0).batches)


def neighbours(table: pa.Table, batch_size: int) -> Iterator[list[int]]:
    """The same from the neighbour, the last batches not full."""
    sampler = NoDuplicatesBatchSampler(
        Dataset(table), batch_size, drop_last=False, generator=torch.Generator(), seed=0, precompute_hashes=True
    )
    return iter(sampler)


Batches = Callable[[pa.Table, int], Iterator[list[int]]]


def seconds(batches: Batches, table: pa.Table, batch_size: int) -> float:
    """From the table to the first batch."""
    start = time.perf_counter()
    next(batches(table, batch_size))
    return time.perf_counter() - start


def measure(batch_size: int, pairs: int, rows: int = ROWS) -> list[float]:
    """The neighbour's time over ours, `pairs` times in alternation: above 1, ours is faster."""
    settle()  # as every stage does
    table = triplets(rows)
    mine_and_theirs = [[seconds(side, table, batch_size) for side in (ours, neighbours)] for _ in range(pairs)]
    return [theirs / mine for mine, theirs in mine_and_theirs]


def split(batch_size: int, times: int, rows: int = ROWS) -> list[list[float]]:
    """CPU seconds of hashing and of planning, `times` values each."""
    parts: list[list[float]] = [[], []]
    for _ in range(times):
        start = time.process_time()
        keys = hashed(triplets(rows))
        between = time.process_time()
        plan(keys, batch_size, 0, 0)
        for part, value in zip(parts, (between - start, time.process_time() - between), strict=True):
            part.append(value)
    return parts


def left_over(batches: Iterable[list[int]], rows: int, batch_size: int) -> int:
    """The rows outside full batches."""
    return rows - batch_size * sum(len(batch) == batch_size for batch in batches)


def check(batches: list[list[int]], table: pa.Table) -> None:
    """SystemExit when a text occurs twice in a batch, or a row twice in all of them: text by text, not by keys."""
    folded = [[fold(text) for text in column.to_pylist()] for column in table.columns]
    for batch in batches:
        if len({column[row] for row in batch for column in folded}) != 3 * len(batch):
            raise SystemExit(f"a text occurs twice in the batch of rows {batch[:3]}...")
    if len({row for batch in batches for row in batch}) != sum(map(len, batches)):
        raise SystemExit("a row is in two batches")


def compare(batch_size: int, pairs: int, rows: int = ROWS) -> Compared:
    """Times and leftovers of both; ours is checked."""
    table, ratios = triplets(rows), measure(batch_size, pairs, rows)
    made = list(ours(table, batch_size))
    check(made, table)
    left = [left_over(batches, len(table), batch_size) for batches in (made, neighbours(table, batch_size))]
    return Compared(batch_size, ratios, *split(batch_size, pairs, rows), *left)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"triplets ({ROWS:,})")
    parser.add_argument("--pairs", type=int, default=3, help="measurements of both sides for each size (3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 512], help="batch sizes (64 512)")
    given = parser.parse_args()
    disable_progress_bars()
    for batch_size in given.sizes:
        print(compare(batch_size, given.pairs, given.rows), flush=True)


if __name__ == "__main__":
    main()
