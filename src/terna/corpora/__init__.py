"""A small parser a format: raw files → labelled NLI pairs, or scored pairs."""

from terna.corpora.nli import read_nli
from terna.corpora.sts import read_sts

__all__ = ["read_nli", "read_sts"]
