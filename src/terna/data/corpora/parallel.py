"""Parsers of translated sentences.

A malformed row is a DataError that names file and line; a pair of which a side is empty is counted and left out.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from terna.data.corpora.nli import columns
from terna.data.corpora.texts import Text, texts
from terna.errors import DataError
from terna.records import PARALLEL
from terna.settings import Corpus, File

# a sentence and its translation
Pair = tuple[str, str]
KEYS = ("promptID", "pairID", "language", "sentence1", "sentence2")


def read_parallel(name: str, corpus: Corpus, folder: Path) -> tuple[pa.Table, Counter[str]]:
    """Translated sentences of a corpus whose files lie in `folder`, and its accounts.

    Returns a PARALLEL table of distinct pairs in their order, and the counts `read`, and of the pairs left out
    `empty_sentence` and `repeated`. Raises DataError for a malformed row, another number of pairs than declared, or
    none at all.
    """
    kept: dict[Pair, None] = {}
    counts: Counter[str] = Counter(read=0, empty_sentence=0, repeated=0)
    for source, target in PARSERS[corpus.format](corpus, folder):
        pair = (source.strip(), target.strip())
        counts["read"] += 1
        if not all(pair):
            counts["empty_sentence"] += 1
        elif pair in kept:
            counts["repeated"] += 1
        else:
            kept[pair] = None
    if corpus.rows is not None and counts["read"] != corpus.rows:
        raise DataError(f"{name}: {counts['read']} pairs in {folder}, expected {corpus.rows}; fetch it again")
    if not kept:
        empty = f"{counts['empty_sentence']} of {counts['read']} pairs have an empty sentence"
        raise DataError(f"{name}: no translated sentence in {folder}: {empty}; is it the right file?")
    sources, targets = zip(*kept, strict=True)
    return pa.table([list(sources), list(targets), [name] * len(kept)], schema=PARALLEL), counts


def _xnli(corpus: Corpus, folder: Path) -> Iterator[Pair]:
    """XNLI's columns: rows of two languages that share promptID and pairID, premise by premise, then hypotheses."""
    sides: dict[str, dict[tuple[str, str], Pair]] = {corpus.source or "": {}, corpus.language: {}}
    for text in texts(corpus, folder):
        for prompt, pair, language, premise, hypothesis in columns(text, KEYS):
            if language in sides:
                sides[language][prompt, pair] = (premise, hypothesis)
    source, target = sides.values()
    for key, sentences in target.items():
        yield from zip(source.get(key, ()), sentences, strict=False)


def _moses(corpus: Corpus, folder: Path) -> Iterator[Pair]:
    """OPUS's layout: two texts in an archive, the source's and the target's, line by line."""
    for file in corpus.files:
        source, target = (replace(file, members=[member]) for member in file.members)
        yield from _side_by_side(corpus, folder / file.name, file.members, source, target)


def _lines(corpus: Corpus, folder: Path) -> Iterator[Pair]:
    """Two files, the source's text and then the target's, line by line; or several such pairs of files."""
    for source, target in zip(corpus.files[::2], corpus.files[1::2], strict=True):
        yield from _side_by_side(corpus, folder / source.name, [source.name, target.name], source, target)


def _side_by_side(corpus: Corpus, path: Path, names: Sequence[str], *sides: File) -> Iterator[Pair]:
    """The lines of two texts in the folder of `path`; DataError, with the path and `names`, when one is longer."""
    lines = (_text(replace(corpus, files=[side]), path.parent) for side in sides)
    for number, (first, second) in enumerate(zip_longest(*lines), start=1):
        if first is None or second is None:
            raise DataError(f"{path}, line {number}: one of {', '.join(names)} ends before the other; fetch it again")
        yield first, second


def _text(corpus: Corpus, folder: Path) -> Iterator[str]:
    return (line for text in texts(corpus, folder) for line in text.lines)


def _tab(corpus: Corpus, folder: Path) -> Iterator[Pair]:
    """A line a pair: source, tab, target; what follows a second tab is passed over."""
    for text in texts(corpus, folder):
        yield from _tabbed(text)


def _tabbed(text: Text) -> Iterator[Pair]:
    for number, line in enumerate(text.lines, start=1):
        parts = line.split("\t")
        if len(parts) < 2:
            raise DataError(f"{text.label}, line {number}: expected source, tab, target, found {line[:60]!r}")
        yield parts[0], parts[1]


PARSERS: dict[str, Callable[[Corpus, Path], Iterator[Pair]]] = {
    "xnli_parallel": _xnli,
    "moses": _moses,
    "lines": _lines,
    "tab": _tab,
}
