"""A small parser a format: raw files → labelled NLI pairs, scored pairs, or translated sentences."""

from terna.data.corpora.benchmark import benchmark_sentences, read_benchmark
from terna.data.corpora.nli import read_nli
from terna.data.corpora.parallel import read_parallel
from terna.data.corpora.sts import read_scored, read_sts
from terna.data.corpora.texts import check_file

__all__ = [
    "benchmark_sentences",
    "check_file",
    "read_benchmark",
    "read_nli",
    "read_parallel",
    "read_scored",
    "read_sts",
]
