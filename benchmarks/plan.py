"""From texts to the first batch: our plan against sentence-transformers' NO_DUPLICATES_HASHED.

    python benchmarks/plan.py [--rows 1000000] [--pairs 3] [--sizes 64 512]

The triplets are made here in SNLI's shape: a premise is in several rows, a fifth of the hypotheses come from a pool of
which the first are drawn thousands of times, and each sentence is an anchor and a positive. Both sides start from
Arrow columns in memory, in alternation in one process, and end with the first batch.

Ours does what the stages do. The tokens stage numbers the distinct sentences and finds those that count as the same:
once for a data set, whatever is then trained on it. Training looks up the keys of its triplets and plans the whole
epoch, so that its length is exact: once an epoch. What is left out is tokenising, and that the numbers lie on the disk
between the two stages. The neighbour's sampler hashes the texts once in each run, finds the first batch, and looks for
each other batch between the steps; so the time of a whole epoch's batches is compared too, in one pass of each, which
also gives the rows outside full batches. The neighbour's pass takes minutes at a size of 4096. Each column is one
chunk: the neighbour took about three times as long over the several chunks that a Parquet file is read in.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from synthetic_nli import SNLI, hypotheses, sentences, vocabulary

from terna.arrays import Ints
from terna.data.examples import numbered_columns
from terna.data.token_table import rows_of
from terna.records import TEXTS
from terna.running.process import settle
from terna.sentences import fold
from terna.training.batches.plan import plan

ROWS = 1_000_000
PREMISES = 0.4  # distinct premises, for each two rows


@dataclass(frozen=True)
class Compared:
    """Times the neighbour took over times ours took to the first batch, a pair each, and once to the epoch's last.

    numbering, planning: CPU seconds of our two parts, all threads together, a value a pair. left_by_us,
    left_by_neighbour: rows of one pass that are in no full batch.
    """

    batch_size: int
    ratios: list[float]
    epoch: float
    numbering: list[float]
    planning: list[float]
    left_by_us: int
    left_by_neighbour: int

    def __str__(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"batch {self.batch_size:,}: {statistics.median(self.ratios):.1f} times as fast "
            f"({low:.1f} to {high:.1f}, {len(self.ratios)} pairs), {self.epoch:.1f} for the epoch's batches; rows "
            f"outside full batches: {self.left_by_us:,}, the neighbour {self.left_by_neighbour:,}; our CPU seconds: "
            f"numbering {statistics.median(self.numbering):.2f}, planning {statistics.median(self.planning):.2f}"
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


def numbered(table: pa.Table) -> tuple[Ints, Ints]:
    """What the tokens stage writes of the triplets: the sentences' keys, and the rows as sentence numbers."""
    found, columns = numbered_columns({"train": table})
    return found.keys, rows_of(columns["train"])


def planned(keys: Ints, rows: Ints, batch_size: int) -> Ints:
    """(steps, batch_size): the batches of epoch 0, as training plans them."""
    return plan(np.asarray(keys[rows], np.int64), batch_size, 0, 0).batches


def ours(table: pa.Table, batch_size: int) -> Iterator[list[int]]:
    """The batches of epoch 0."""
    return (batch.tolist() for batch in planned(*numbered(table), batch_size))


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
    disable_progress_bars()
    table = triplets(rows)
    mine_and_theirs = [[seconds(side, table, batch_size) for side in (ours, neighbours)] for _ in range(pairs)]
    return [theirs / mine for mine, theirs in mine_and_theirs]


def split(batch_size: int, times: int, rows: int = ROWS) -> list[list[float]]:
    """CPU seconds of numbering and of planning, `times` values each."""
    parts: list[list[float]] = [[], []]
    for _ in range(times):
        start = time.process_time()
        made = numbered(triplets(rows))
        between = time.process_time()
        planned(*made, batch_size)
        for part, value in zip(parts, (between - start, time.process_time() - between), strict=True):
            part.append(value)
    return parts


def whole(batches: Batches, table: pa.Table, batch_size: int) -> tuple[float, list[list[int]]]:
    """Seconds from the table to the last batch, and the batches."""
    start = time.perf_counter()
    made = list(batches(table, batch_size))
    return time.perf_counter() - start, made


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
    (mine, made), (theirs, found) = (whole(side, table, batch_size) for side in (ours, neighbours))
    check(made, table)
    left = [rows - batch_size * sum(len(batch) == batch_size for batch in batches) for batches in (made, found)]
    return Compared(batch_size, ratios, theirs / mine, *split(batch_size, pairs, rows), *left)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"triplets ({ROWS:,})")
    parser.add_argument("--pairs", type=int, default=3, help="measurements of both sides for each size (3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 512], help="batch sizes (64 512)")
    given = parser.parse_args()
    for batch_size in given.sizes:
        print(compare(batch_size, given.pairs, given.rows), flush=True)


if __name__ == "__main__":
    main()
