"""Any corpus to train on, whatever its format, as a table or as a Dataset of `datasets`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from terna.data.corpora.columns import read_columns
from terna.data.corpora.documents import read_documents
from terna.data.corpora.nli import read_nli
from terna.data.corpora.sts import read_scored
from terna.settings import Corpus

if TYPE_CHECKING:
    from datasets import Dataset


def read(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """The rows of a corpus whose files lie in `folder`, and its accounts: see `read_columns`.

    Returns a PAIRS, TUPLES, SCORED_PAIRS, CLASSED_PAIRS or RAW_TEXTS table, by the corpus's kind. Raises DataError for
    a malformed row, another number of rows than declared, or no row that can be used.
    """
    if corpus.pairs:
        return read_documents(name, corpus, folder)
    if corpus.format == "columns":
        return read_columns(name, corpus, folder)
    return (read_scored if corpus.scored else read_nli)(name, corpus, folder)


def as_dataset(name: str, corpus: Corpus, folder: Path) -> "Dataset":
    """The same rows as a Dataset, to look at or to save in any of the forms that `datasets` knows."""
    # not at the top: it takes a second to import
    from datasets import Dataset

    return Dataset(read(name, corpus, folder)[0])
