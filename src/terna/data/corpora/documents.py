"""Documents without labels → pairs that are found in them: title and body, or neighbouring sentences.

A .txt file has documents with blank lines between them; of a folder of .txt files each is a document, and so is each
row of any other data file.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from terna.data.corpora.columns import COUNTED, check_rows, data_files, read_fields
from terna.data.corpora.search import Search
from terna.data.corpora.values import listed, texts
from terna.errors import DataError
from terna.records import TUPLES
from terna.sentences import fold, required
from terna.settings import Benchmark, Corpus

# the lines of a document that are not blank
Document = list[str]
# a sentence ends where a mark and perhaps a closing quote or bracket stand before a blank, and a capital, a digit or an
# opening mark behind it
SENTENCE = re.compile(r"""(?:(?<=[.!?…])|(?<=[.!?…]["'»”’)\]]))\s+(?=["'«“‘(\[¿¡—]*[A-ZÀ-ÖØ-Þ0-9])""")
# draws the pairs that are held out, the same for every seed of a run
SEED = 0


def read_documents(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """The pairs of a corpus whose files lie in `folder`, a TUPLES table, and the counts of COUNTED and `no_pair`.

    Documents are counted, those without a pair too. Raises DataError for what cannot be read, another number of
    documents than declared, and where there is no pair at all.
    """
    counts = Counter(dict.fromkeys((*COUNTED, "no_pair"), 0))
    found: list[tuple[str, str]] = []
    for document in documents(corpus, folder):
        pairs = pairs_of(document, corpus)
        found += pairs
        counts.update(read=1, no_pair=not pairs)
    check_rows(name, corpus, counts["read"], folder)
    if not found:
        raise DataError(
            f"{name}: no pair in the {counts['read']} documents of {folder}, see pairs ({corpus.pairs}); a document "
            "ends at a blank line of a .txt file"
        )
    rows = [{"anchor": anchor, "positive": positive, "negatives": [], "corpus": name} for anchor, positive in found]
    return pa.Table.from_pylist(rows, schema=TUPLES), counts


def read_held_out(name: str, declared: Benchmark, folder: Path) -> Search:
    """Pairs held out of rows or of a text, a share of those that have no text in common, each anchor with its positive.

    They are the same whenever the files are. Raises DataError for what is malformed, and for fewer than two pairs.
    """
    known: set[str] = set()
    found = []
    for anchor, positive in _rows(declared, folder) if declared.shape == "pairs" else _neighbours(declared, folder):
        both = {fold(anchor), fold(positive)}
        if len(both) == 2 and "" not in both and not both & known:
            known |= both
            found.append((anchor, positive))
    count = round(declared.held_out * len(found))
    if count < 2:
        raise DataError(
            f"{name}: {count} of {len(found)} pairs in {folder} would be held out, and at least 2 are needed; raise "
            "held_out, or add rows or text"
        )
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(found))[:count])
    each = np.arange(count)
    queries, relevant = ([found[place][side] for place in chosen] for side in range(2))
    return Search(queries, relevant, each, each, np.ones(count), left_out=0)


def _rows(declared: Benchmark, folder: Path) -> Iterator[tuple[str, str]]:
    for path in data_files(declared, folder):
        for columns in read_fields(path, declared, declared.fields[0]):
            rows = zip(texts(columns["anchor"]), listed(columns["positive"]), strict=True)
            yield from ((anchor, positive) for anchor, positives in rows for positive in positives)


def _neighbours(declared: Benchmark, folder: Path) -> Iterator[tuple[str, str]]:
    """Of neighbours every second pair, which has no text in common with the one before."""
    for document in documents(declared, folder):
        yield from pairs_of(document, declared)[::2]


def documents(corpus: Corpus, folder: Path) -> Iterator[Document]:
    """The documents of a corpus whose files lie in `folder`, in order."""
    for path in data_files(corpus, folder):
        if path.is_dir() and (parts := sorted(path.glob("*.txt"))):
            yield from (list(filter(None, _lines(part))) for part in parts)
        elif path.suffix.lower() == ".txt":
            yield from (list(run) for filled, run in groupby(_lines(path), bool) if filled)
        else:
            for columns in read_fields(path, corpus, corpus.fields[0]):
                for text in texts(columns["text"]):
                    yield [line for each in text.split("\n") if (line := each.strip())]


def pairs_of(document: Document, corpus: Corpus) -> list[tuple[str, str]]:
    """The pairs of a document that `corpus.pairs` asks for: its first line and the rest, or each sentence and the next.

    A line ends a sentence.
    """
    if corpus.pairs == "title_body":
        return [(document[0], " ".join(document[1:]))] if len(document) > 1 else []
    sentences = [sentence for line in document for sentence in SENTENCE.split(line)]
    return list(pairwise(sentences))


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file in NFC, without blanks around them."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                yield unicodedata.normalize("NFC", required(raw, number, str(path)).strip())
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; fetch it (dvc repro)") from error
