"""A small parser a format: raw files → labelled NLI pairs, or scored pairs."""

from terna.corpora.nli import read_nli
from terna.corpora.sts import read_sts
from terna.corpora.texts import check_file

__all__ = ["check_file", "read_nli", "read_sts"]
