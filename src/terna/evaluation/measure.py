"""Every system's vectors and scores of a benchmark's pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from terna.arrays import Vectors
from terna.encoder import build_encoder, load_tokenizer
from terna.evaluation.baselines import lexical
from terna.metrics.similarity import pairwise
from terna.records import sentences_of
from terna.settings import Settings
from terna.systems import System, load_system

# the score of each pair, by the name of the measure
Scores = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """A benchmark's pairs and what each system makes of them.

    table: SCORED, n pairs. vectors, before: (2 n, dimension), all first sentences and then all second ones, by our
    encoder and by its backbone as it came (None when that was random weights). others: each other system's scores.
    """

    table: pa.Table
    vectors: Vectors
    before: Vectors | None
    others: Mapping[str, Scores]

    @cached_property
    def sentences(self) -> tuple[list[str], list[str]]:
        """Both columns."""
        return sentences_of(self.table)

    @cached_property
    def gold(self) -> Any:
        """What people gave, (n,)."""
        return self.table["gold"].to_numpy()

    @cached_property
    def ours(self) -> Scores:
        """Our encoder's scores under each similarity."""
        return score(self.vectors)

    @cached_property
    def untouched(self) -> Scores | None:
        """Those of its backbone as it came."""
        return None if self.before is None else score(self.before)

    @cached_property
    def baselines(self) -> Scores:
        """Those of the lexical baselines."""
        return lexical(*self.sentences)


def measure_systems(encoder: System, settings: Settings, tables: Mapping[str, pa.Table]) -> dict[str, Measured]:
    """All systems on all benchmarks; each other system is loaded for itself alone."""
    before = _untouched(settings)
    theirs = {system: _scores(where, tables) for system, where in settings.evaluate.systems.items()}
    return {
        name: Measured(
            table,
            _encode(encoder, table),
            _encode(before, table) if before else None,
            {system: scores[name] for system, scores in theirs.items()},
        )
        for name, table in tables.items()
    }


def score(vectors: Vectors) -> Scores:
    """The four similarities of each pair, whose first sentences' vectors come before all second ones'."""
    return pairwise(*np.split(vectors, 2))


def _untouched(settings: Settings) -> System | None:
    """The backbone as it came, whole and without a head of ours; None when it started from random weights."""
    model = replace(settings.model, dense=None, layers=None)
    return None if model.scratch else build_encoder(model, load_tokenizer(model, [])).eval()


def _scores(where: str, tables: Mapping[str, pa.Table]) -> dict[str, Scores]:
    system = load_system(where)
    return {name: score(_encode(system, table)) for name, table in tables.items()}


def _encode(system: System, table: pa.Table) -> Vectors:
    first, second = sentences_of(table)
    return system.encode([*first, *second])
