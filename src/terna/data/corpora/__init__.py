"""A small parser a format: raw files → labelled NLI pairs, scored pairs, or translated sentences."""

from terna.data.corpora.nli import read_nli
from terna.data.corpora.parallel import read_parallel
from terna.data.corpora.sts import read_scored, read_sts, scored_sentences
from terna.data.corpora.texts import check_file

__all__ = ["check_file", "read_nli", "read_parallel", "read_scored", "read_sts", "scored_sentences"]
