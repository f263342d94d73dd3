"""Raw files → labelled pairs, scored pairs, pairs, triplets, texts or translated sentences.

A data file or a dataset of the hub is read by its columns; a published archive by a small parser for its format.
"""

from terna.data.corpora.benchmark import benchmark_sentences, read_benchmark
from terna.data.corpora.nli import read_nli
from terna.data.corpora.parallel import read_parallel
from terna.data.corpora.reading import as_dataset, read
from terna.data.corpora.sts import read_scored, read_sts
from terna.data.corpora.texts import check_file

__all__ = [
    "as_dataset",
    "benchmark_sentences",
    "check_file",
    "read",
    "read_benchmark",
    "read_nli",
    "read_parallel",
    "read_scored",
    "read_sts",
]
