"""Files read as the stages will read them: their examples, and what a benchmark holds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.data.corpora import read_benchmark
from terna.data.corpora.columns import SCHEMAS, stream_columns
from terna.data.corpora.search import Search
from terna.data.numbering import numbered
from terna.data.triplets import build, count_triplets
from terna.data.tuples import usable
from terna.errors import DataError
from terna.records import TEXTS, sentences_of
from terna.sentences import fold
from terna.serving.new.looking import LOOKED
from terna.settings import Corpus, Settings
from terna.settings.benchmark import UNITS
from terna.training.batches.plan import plan

BATCHES = (64, 32, 16, 8, 4)
# the batches that an epoch is to have, where it can
STEPS = 4


@dataclass(frozen=True)
class Examples:
    """What a corpus gives to learn from, in which unit; batch: the largest size of which an epoch has STEPS."""

    count: int
    unit: str
    batch: int


def examples(name: str, corpus: Corpus, files: Sequence[Path]) -> Examples:
    """Those of the first LOOKED rows; none of labelled pairs that give no triplet.

    Raises DataError for a malformed row, and for too few rows to fill a batch.
    """
    table = _rows(name, corpus, files[0].parent)
    if corpus.kind == "nli" and not count_triplets(table):
        return Examples(0, "triplets", BATCHES[-1])
    if corpus.kind == "nli":
        triplets = build(table, target=corpus.language, seed=0, dev_fraction=0).train
        keys = _keys([triplets[text] for text in TEXTS])
        return _batched(name, len(triplets), "triplets", lambda size: len(plan(keys, size, 0, 0)))
    if corpus.kind in ("pairs", "triplets"):
        tuples, _ = usable(table)
        return _batched(name, len(tuples), corpus.kind, lambda size: _tuple_batches(tuples, size))
    unit = "texts" if corpus.kind == "texts" else "pairs"
    return _batched(name, len(table), unit, lambda size: len(table) // size)


def benchmarks(settings: Settings, files: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """What each benchmark holds, in words, and what both do.

    Raises DataError for a malformed row, and for what cannot be split.
    """
    asked: list[set[str]] = []
    with TemporaryDirectory() as folder:
        for name, paths in files.items():
            with _linked(Path(folder) / name, paths):
                found = read_benchmark(name, settings.evaluate, Path(folder))
            declared = settings.evaluate.benchmarks[name]
            held = len(found.queries) if isinstance(found, Search) else len(found)
            asked.append(_asked(found))
            yield f"{declared.role} {held} {UNITS[declared.task]}"
    if len(asked) > 1 and (both := set.intersection(*asked)):
        yield f"of whose {len(asked[-1])} texts {len(both)} are in development too, so that it is no clean test"


def _asked(found: pa.Table | Search) -> set[str]:
    """The sentences of pairs, or the queries of a search, whose documents its parts have in common."""
    texts = found.queries if isinstance(found, Search) else [text for side in sentences_of(found) for text in side]
    return set(map(fold, texts))


def _rows(name: str, corpus: Corpus, folder: Path) -> pa.Table:
    counts = Counter[str]()
    found = [SCHEMAS[corpus.kind].empty_table()]
    for table in stream_columns(name, corpus, folder, counts):
        found.append(table)
        if counts["read"] >= LOOKED:
            break
    table = pa.concat_tables(found)
    if not len(table):
        raise DataError(f"{name}: of {counts['read']} rows none can be used: a text or the label is empty in each")
    return table


def _tuple_batches(tuples: pa.Table, size: int) -> int:
    """Batches of a TUPLES table as training has them: of each number of negatives, with those cut to it."""
    counts = pc.list_value_length(tuples["negatives"]).to_numpy()
    found, most = 0, -1
    for count in np.unique(counts)[::-1].tolist():
        most = max(most, count)
        part = tuples.filter(pa.array((counts >= count) & (counts <= most)))
        negatives = [pc.list_element(part["negatives"], place) for place in range(count)]
        own = len(plan(_keys([part["anchor"], part["positive"], *negatives]), size, 0, 0))
        found, most = found + own, -1 if own else most
    return found


def _batched(name: str, count: int, unit: str, batches: Callable[[int], int]) -> Examples:
    """batches: how many of a size there are."""
    for size in BATCHES:
        if batches(size) >= (STEPS if size > BATCHES[-1] else 1):
            return Examples(count, unit, size)
    raise DataError(f"{name}: {count} {unit} fill no batch of {BATCHES[-1]} in which no text repeats; add rows")


def _keys(texts: Sequence[pa.ChunkedArray]) -> Ints:
    found = numbered(*texts)
    keys: Ints = np.stack([found.keys[numbers] for numbers in found.numbers], axis=1)
    return keys


@contextmanager
def _linked(folder: Path, paths: Sequence[Path]) -> Iterator[None]:
    """The files in one folder, as they lie once they are fetched; what an error says of it, it says of the files."""
    folder.mkdir()
    for path in paths:
        (folder / path.name).symlink_to(path.absolute())
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace(f"{folder}/", "").replace(str(folder), paths[0].name)) from error
