"""What the page is filled from, read and checked."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from terna.errors import DataError
from terna.evaluation.diagnosis.record import Diagnosis
from terna.markdown import code
from terna.records import TRIPLETS, read_table
from terna.release.card.document import check
from terna.release.lineage import Lineage
from terna.settings import Settings

# a curve: its columns by name, NaN where a figure is undefined
Curve = Mapping[str, Sequence[float]]
# how many triplets stand on the page
FEW = 5
CURVES = {"loss": ["step", "loss"], "lr": ["step", "lr"], "development": ["step"]}


@dataclass(frozen=True)
class Contents:
    """Everything on the page.

    scores, training, stats: the contents of metrics/sts.json, metrics/train.json and data/triplets/stats.json.
    curves: those of plots/, by the names of CURVES. predictions: for each benchmark of scored pairs
    a table of file, gold and the main similarity. triplets: a few of those to train on, a TRIPLETS table.
    """

    settings: Settings
    scores: Mapping[str, Any]
    training: Mapping[str, Any]
    stats: Mapping[str, Any]
    diagnosis: Mapping[str, Diagnosis]
    curves: Mapping[str, Curve]
    predictions: Mapping[str, pa.Table]
    triplets: pa.Table
    lineage: Lineage

    def check(self) -> None:
        """Raise DataError when something tells nothing of a benchmark or corpus of the settings."""
        check(self.settings, self.scores, self.stats)
        for name, one in self.settings.evaluate.benchmarks.items():
            if one.task == "sts" and name not in self.diagnosis:
                raise DataError(
                    f"metrics/diagnosis.json: nothing on {name}; run the evaluate stage (dvc repro evaluate)"
                )

    @property
    def with_gold(self) -> list[str]:
        """The benchmarks of scored pairs, those of the verdicts first."""
        evaluate = self.settings.evaluate
        names = [name for name, one in evaluate.benchmarks.items() if one.task == "sts"]
        return sorted(names, key=lambda name: evaluate.benchmarks[name].role != "test")

    @property
    def without_gold(self) -> str:
        """Which benchmarks have no gold scores, and what is drawn of them instead; empty where all or none have."""
        evaluate = self.settings.evaluate
        names = [name for name in evaluate.benchmarks if name not in self.with_gold]
        if not names or not self.with_gold:
            return ""
        chosen = evaluate.select_on
        curve = f" and, of {code(chosen)}, the development score (Learning curves)" if chosen in names else ""
        return (
            f"Without gold scores, so neither plotted against gold nor diagnosed: {', '.join(map(code, names))}. Drawn "
            f"instead: the figure of each system with its interval (Results){curve}."
        )


def read_curve(path: Path, columns: Sequence[str]) -> Curve:
    """The columns of a CSV file of curves.

    Raises DataError for a file that is missing, has no row, lacks one of `columns` or holds what is no number.
    """
    again = "run the train stage again (dvc repro -s -f train)"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except FileNotFoundError as error:
        raise DataError(f"{path}: not there; run the stage that writes it (dvc repro)") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not CSV ({error}); {again}") from error
    if not rows or not set(columns) <= set(rows[0]):
        raise DataError(f"{path}: no rows of {', '.join(columns)}; {again}")
    return {name: [_number(row[name], path, line, again) for line, row in enumerate(rows, 2)] for name in rows[0]}


def _number(text: str, path: Path, line: int, remedy: str) -> float:
    try:
        return float(text) if text else float("nan")
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}, line {line}: a number expected, found {text!r}; {remedy}") from error


def read_predictions(path: Path, measure: str) -> pa.Table:
    """Of each pair its file, gold and `measure`; DataError for a table that is missing, broken or empty."""
    schema = pa.schema([("file", pa.string()), ("gold", pa.float64()), (measure, pa.float64())])
    table = read_table(path, schema)
    if not table.num_rows:
        raise DataError(f"{path}: no pair; run the evaluate stage again (dvc repro -s -f evaluate)")
    return table


def read_triplets(path: Path, seed: int) -> pa.Table:
    """FEW triplets of a TRIPLETS table, drawn with the seed, in their order; DataError where it cannot be read."""
    table = read_table(path, TRIPLETS)
    places = np.random.default_rng(seed).choice(len(table), min(FEW, len(table)), replace=False)
    return pa.concat_tables([TRIPLETS.empty_table(), *(table.slice(place, 1) for place in sorted(places.tolist()))])
