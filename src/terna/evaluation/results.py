"""What was measured, in figures: correlations with intervals, comparisons, parts, points."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from terna.evaluation.diagnosis import Diagnosis, Scored, diagnose, spread
from terna.evaluation.measure import Measured, Scores
from terna.evaluation.table import BASELINES, OURS, UNTOUCHED
from terna.metrics.correlations import clusters, intervals, summary
from terna.metrics.significance import against
from terna.settings import Settings

FEW = ("cosine_pearson", "cosine_spearman", "dot_pearson", "dot_spearman")


def results(measured: Mapping[str, Measured], settings: Settings) -> dict[str, Any]:
    """The content of metrics/sts.json: figures of each benchmark, of baselines and other systems, and comparisons."""
    seed = settings.seed
    found: dict[str, Any] = {name: _figures(one.ours, one, seed) for name, one in measured.items()}
    found["floors"] = {name: _figures(one.baselines, one, seed) for name, one in measured.items()}
    found["untouched"] = {name: _figures(one.untouched, one, seed) for name, one in measured.items() if one.untouched}
    found["systems"] = {
        system: {name: _figures(one.others[system], one, seed) for name, one in measured.items()}
        for system in settings.evaluate.systems
    }
    return found | {"comparisons": {name: _compared(one, settings) for name, one in measured.items()}}


def few(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a table of experiments shows."""
    return {name: result[name] for name in FEW}


def predictions(one: Measured) -> pa.Table:
    """Every pair with its gold and its score by each system under each measure."""
    columns = {**one.ours, **one.baselines}
    for system, scores in {"untouched": one.untouched or {}, **one.others}.items():
        columns |= {f"{system}_{measure}": values for measure, values in scores.items()}
    table = one.table
    for name, values in columns.items():
        table = table.append_column(name, pa.array(np.asarray(values, np.float64)))
    return table


def points(name: str, one: Measured) -> Iterator[dict[str, str]]:
    """A point a pair for the plot: gold across, cosine up."""
    for file, gold, value in zip(one.table["file"].to_pylist(), one.gold.tolist(), one.ours["cosine"], strict=True):
        yield {"benchmark": name, "file": file, "gold": f"{gold:g}", "cosine": f"{value:.6f}"}


def taken_apart(name: str, one: Measured, settings: Settings) -> Diagnosis:
    """The figures by part, the worst pairs, and how the vectors lie beside those of the backbone as it came."""
    measure, kind = settings.evaluate.main_score.split("_")
    scale = settings.evaluate.benchmarks[name].scale
    spaces = {OURS: one.vectors} | ({} if one.before is None else {UNTOUCHED: one.before})
    space = {system: spread(*one.sentences, vectors, one.gold, scale) for system, vectors in spaces.items()}
    columns = one.ours[measure], one.baselines["tfidf_chars"], one.baselines["jaccard"]
    return diagnose(Scored(one.table, measure, kind, *columns, scale, settings.seed), space)


def _figures(scores: Scores, one: Measured, seed: int) -> dict[str, Any]:
    """The figures over all, by file and weighted, and the 95 % interval of each over all."""
    found = summary(scores, one.gold, one.table["file"].to_pylist())
    return found | {"ci95": intervals(scores, one.gold, clusters(*one.sentences), seed=seed)}


def _compared(one: Measured, settings: Settings) -> list[dict[str, Any]]:
    """This model against the other systems, the backbone as it came and the baselines, by the main score."""
    measure, kind = settings.evaluate.main_score.split("_")
    systems = {OURS: one.ours[measure], **{name: scores[measure] for name, scores in one.others.items()}}
    systems |= {UNTOUCHED: one.untouched[measure]} if one.untouched else {}
    systems |= {BASELINES[name]: values for name, values in one.baselines.items()}
    found = against(OURS, systems, one.gold, clusters(*one.sentences), kind, seed=settings.seed)
    return [each.record() for each in found]
