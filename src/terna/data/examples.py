"""The examples of all shapes as tables of texts, and their sentences numbered together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.data.numbering import Numbered, numbered
from terna.records import (
    CLASSED_PAIRS,
    PAIR,
    POSITIVES,
    RAW_TEXTS,
    SCORED_PAIRS,
    TEXTS,
    TRIPLETS,
    TUPLES,
    read_table,
)
from terna.sentences import distinct

# the columns of texts that a table may have, in the order in which they are numbered; negatives hold lists of texts
_COLUMNS = (*TEXTS, *PAIR, "negatives", "text")


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
    def paths(cls, folder: Path) -> list[Path]:
        """Where they lie in the folder that the triplets stage writes."""
        return [folder / f"{each.name}.parquet" for each in fields(cls)]

    @classmethod
    def read(cls, folder: Path) -> "Tables":
        """Read them; DataError if one is missing or broken."""
        schemas = (TRIPLETS, TRIPLETS, POSITIVES, SCORED_PAIRS, TUPLES, CLASSED_PAIRS, RAW_TEXTS)
        return cls(*(read_table(path, schema) for path, schema in zip(cls.paths(folder), schemas, strict=True)))

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

    def numbered(self) -> tuple[Numbered, dict[str, list[Ints]]]:
        """The sentences, in the order of a TokenTable, and the columns of each table as their numbers."""
        tables = {"train": self.train, "dev": self.dev, "scored": self.scored}
        # what came later is numbered last, so that it changes no number of the others
        return numbered_columns(tables | {"tuples": self.tuples, "classed": self.classed, "texts": self.texts})


def texts_of(table: pa.Table) -> list[pa.ChunkedArray]:
    """The columns of texts of a table of examples; the negatives of tuples one after another."""
    own = [table[name] for name in _COLUMNS if name in table.column_names]
    return [pc.list_flatten(column) if pa.types.is_list(column.type) else column for column in own]


def numbered_columns(tables: Mapping[str, pa.Table]) -> tuple[Numbered, dict[str, list[Ints]]]:
    """The sentences of tables of examples, and the columns of texts of each table as numbers of these sentences."""
    columns = {name: texts_of(table) for name, table in tables.items()}
    found = numbered(*(column for own in columns.values() for column in own))
    numbers = iter(found.numbers)
    return found, {name: [next(numbers) for _ in own] for name, own in columns.items()}
