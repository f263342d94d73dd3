"""The examples of all shapes as tables of texts, and their sentences numbered together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from operator import add
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Bools, Ints, take
from terna.data.numbering import Numbered, distinct, numbered
from terna.errors import DataError
from terna.records import (
    CLASSED_PAIRS,
    MINED,
    PAIR,
    POSITIVES,
    RAW_TEXTS,
    SCORED_PAIRS,
    TEXTS,
    TRIPLETS,
    TUPLES,
    read_table,
)
from terna.sentences import CHUNK, NO_PROMPTS, Prompts, Side

# the columns of texts that a table may have, in the order in which they are numbered, and what their texts are to a
# prompt; negatives hold lists of texts
_SIDES: Mapping[str, Side] = {
    **dict(zip(TEXTS, ("query", "document", "document"), strict=True)),
    **dict.fromkeys(PAIR, "default"),
    "negatives": "document",
    "text": "default",
}


NO_OTHERS: Mapping[str, str] = MappingProxyType({})


class Sentences(NamedTuple):
    """The sentences of a TokenTable, and the examples over them.

    texts: without prompts. keys: see Numbered. which: (len(texts),) uint8, which of `prompts` is put before each.
    columns: those of each table as numbers of sentences. known: the keys of both columns of `Tables.positives`.
    """

    texts: pa.ChunkedArray
    keys: Ints
    which: Ints
    prompts: list[str]
    columns: dict[str, list[Ints]]
    known: list[Ints]

    def prompted(self) -> Iterator[list[str]]:
        """The texts with the prompts that are put before them, CHUNK at a time."""
        for first in range(0, len(self.texts), CHUNK):
            prompts = [self.prompts[place] for place in self.which[first : first + CHUNK].tolist()]
            yield list(map(add, prompts, self.texts.slice(first, CHUNK).to_pylist()))


@dataclass(frozen=True)
class Tables:
    """What the triplets stage wrote to train and to develop on, each a table of the schema that `read` has for it."""

    train: pa.Table
    dev: pa.Table
    positives: pa.Table
    scored: pa.Table = field(default_factory=SCORED_PAIRS.empty_table)
    tuples: pa.Table = field(default_factory=TUPLES.empty_table)
    classed: pa.Table = field(default_factory=CLASSED_PAIRS.empty_table)
    texts: pa.Table = field(default_factory=RAW_TEXTS.empty_table)

    @classmethod
    def paths(cls, folder: Path, mined: Path) -> list[Path]:
        """Where they lie in the folder that the triplets stage writes, and what the mine stage adds."""
        return [*(folder / f"{each.name}.parquet" for each in fields(cls)), mined / "tuples.parquet"]

    @classmethod
    def read(cls, folder: Path, mined: Path) -> "Tables":
        """Read them, with what was mined in the place of its rows; DataError if one is missing or broken."""
        schemas = (TRIPLETS, TRIPLETS, POSITIVES, SCORED_PAIRS, TUPLES, CLASSED_PAIRS, RAW_TEXTS, MINED)
        paths = cls.paths(folder, mined)
        *tables, more = (read_table(path, schema) for path, schema in zip(paths, schemas, strict=True))
        return cls(*tables).with_mined(more)

    def with_mined(self, mined: pa.Table) -> "Tables":
        """The tables with the rows of a MINED table in the place of those that they were made of.

        Raises DataError when it was made of others.
        """
        if not len(mined):
            return self
        train, tuples = (
            _without(table, mined.filter(pc.equal(mined["source"], name)))
            for name, table in (("train", self.train), ("tuples", self.tuples))
        )
        added = mined.filter(pc.greater(pc.list_value_length(mined["negatives"]), 0)).select(TUPLES.names)
        tuples = pa.concat_tables([tuples, added])
        columns = [column for table in (train, tuples) for column in texts_of(table)]
        found = numbered(*columns, *(self.positives[name] for name in POSITIVES.names))
        there = _occurring(found, found.numbers[: len(columns)])
        known = np.logical_and(*(there[column] for column in found.numbers[len(columns) :]))
        return replace(self, train=train, tuples=tuples, positives=self.positives.filter(pa.array(known)))

    @property
    def trained(self) -> list[pa.Table]:
        """Those that are trained on."""
        return [self.train, self.scored, self.tuples, self.classed, self.texts]

    @property
    def corpora(self) -> list[str]:
        """The corpora that are trained on, as TokenTable numbers them."""
        names: list[str] = distinct(*(table["corpus"] for table in self.trained)).to_pylist()
        return names

    @property
    def classes(self) -> list[str]:
        """The classes of the pairs that have one, as TokenTable numbers them."""
        names: list[str] = distinct(self.classed["class"]).to_pylist()
        return names

    def numbered(self, prompts: Prompts = NO_PROMPTS, others: Mapping[str, str] = NO_OTHERS) -> Sentences:
        """The sentences in the order of a TokenTable; one that two prompts are put before is there with each.

        others: of a corpus, the prompt of its texts that is not as _SIDES has it; see settings' Prompts.corpora. Raises
        DataError when a known positive is in no triplet.
        """
        tables = {"train": self.train, "dev": self.dev, "scored": self.scored}
        # what came later is numbered last, so that it changes no number of the others
        tables |= {"tuples": self.tuples, "classed": self.classed, "texts": self.texts}
        found, columns = numbered_columns(tables, self.positives)
        known = [found.keys.take(column) for column in _known(found, columns)]
        each = list(dict.fromkeys(prompts))
        if len(each) == 1:
            return Sentences(found.texts, found.keys, np.zeros(len(found.keys), np.uint8), each, columns, known)
        pairs = {
            name: [
                column * len(each) + _prompts_of(tables[name], place, prompts, each, others)
                for place, column in enumerate(own)
            ]
            for name, own in columns.items()
        }
        occurs = np.zeros(len(found.keys) * len(each), np.bool_)
        for column in chain.from_iterable(pairs.values()):
            occurs[column] = True
        numbers, (texts, which) = np.cumsum(occurs) - 1, np.divmod(np.flatnonzero(occurs), len(each))
        renumbered: dict[str, list[Ints]] = {name: [numbers[column] for column in own] for name, own in pairs.items()}
        own = take(found.texts, texts), found.keys[texts], which.astype(np.uint8)
        return Sentences(*own, each, renumbered, known)


def _prompts_of(table: pa.Table, place: int, prompts: Prompts, each: list[str], others: Mapping[str, str]) -> Ints:
    """Which of `each` is put before every text of the column of texts at `place`: as many as `texts_of` has."""
    name, usual = [(name, side) for name, side in _SIDES.items() if name in table.column_names][place]
    found = np.full(len(table), each.index(prompts.before(usual)))
    for corpus, word in others.items():
        side: Any = word if word != "by_column" else "query" if place == 0 else "document"
        found[pc.equal(table["corpus"], corpus).to_numpy()] = each.index(prompts.before(side))
    return np.repeat(found, pc.list_value_length(table[name]).to_numpy()) if name == "negatives" else found


def _without(table: pa.Table, mined: pa.Table) -> pa.Table:
    """The rows of a table that a MINED table does not replace."""
    rows, pair = mined["row"].to_numpy(), ("anchor", "positive")
    if rows.max(initial=-1) >= len(table) or any(take(table[name], rows) != mined[name] for name in pair):
        raise DataError("data/mined/tuples.parquet: made of other rows; run the mine stage (dvc repro mine)")
    kept = np.ones(len(table), bool)
    kept[rows] = False
    return table.filter(pa.array(kept))


def texts_of(table: pa.Table) -> list[pa.ChunkedArray]:
    """The columns of texts of a table of examples; the negatives of tuples one after another."""
    own = [table[name] for name in _SIDES if name in table.column_names]
    return [pc.list_flatten(column) if pa.types.is_list(column.type) else column for column in own]


def numbered_columns(
    tables: Mapping[str, pa.Table], positives: pa.Table | None = None
) -> tuple[Numbered, dict[str, list[Ints]]]:
    """The sentences of tables of examples, and the columns of texts of each table as numbers of these sentences.

    positives: a POSITIVES table, whose columns are numbered last: those are the last of `Numbered.numbers`.
    """
    columns = {name: texts_of(table) for name, table in tables.items()}
    followed = [positives[name] for name in POSITIVES.names] if positives is not None else []
    found = numbered(*(column for own in columns.values() for column in own), *followed)
    numbers = iter(found.numbers)
    return found, {name: [next(numbers) for _ in own] for name, own in columns.items()}


def _known(found: Numbered, columns: Mapping[str, list[Ints]]) -> list[Ints]:
    """The known positives as numbers of sentences; DataError when one is in no example."""
    known = found.numbers[-len(POSITIVES.names) :]
    there = _occurring(found, chain.from_iterable(columns.values()))
    if not all(there[column].all() for column in known):
        raise DataError(
            "data/triplets/positives.parquet: a sentence of it is in no triplet, so it was made with others; "
            "run the triplets stage (dvc repro triplets)"
        )
    return known


def _occurring(found: Numbered, columns: Iterable[Ints]) -> Bools:
    """Which sentences occur in columns of their numbers."""
    there = np.zeros(len(found.texts), np.bool_)
    for column in columns:
        there[column] = True
    return there
