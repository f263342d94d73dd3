"""What was measured, in figures: with intervals, comparisons, parts, points."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from terna.data.evaluators import Outcomes, Similarity
from terna.evaluation.baselines import tfidf_chars
from terna.evaluation.diagnosis import Diagnosis, Scored, diagnose, neighbours, spread
from terna.evaluation.measure import Measured
from terna.evaluation.table import BASELINES, OURS, UNTOUCHED
from terna.metrics.significance import against
from terna.metrics.task import figures, intervals, summary
from terna.settings import Settings
from terna.settings.benchmark import KINDS

FEW = ("cosine", "dot")


def results(measured: Mapping[str, Measured], settings: Settings) -> dict[str, Any]:
    """The content of metrics/sts.json: figures of each benchmark, of baselines and other systems, and comparisons."""
    seed = settings.seed
    found: dict[str, Any] = {name: _figures(one.ours, one, seed, OURS) for name, one in measured.items()}
    found["baselines"] = {name: _figures(one.baselines, one, seed) for name, one in measured.items()}
    found["untouched"] = {
        name: _figures(one.untouched, one, seed, UNTOUCHED) for name, one in measured.items() if one.untouched
    }
    found["systems"] = {
        system: {name: _figures(one.others[system], one, seed, system) for name, one in measured.items()}
        for system in settings.evaluate.systems
    }
    return found | {"comparisons": {name: _compared(name, one, settings) for name, one in measured.items()}}


def few(name: str, result: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The figures that a table of experiments shows."""
    kinds = KINDS[settings.evaluate.benchmarks[name].task]
    return {f"{measure}_{kind}": result[f"{measure}_{kind}"] for measure in FEW for kind in kinds}


def predictions(one: Measured) -> pa.Table:
    """Every pair or query with its outcome by each system under each measure."""
    outcomes = {**one.ours, **one.baselines}
    for system, found in {"untouched": one.untouched or {}, **one.others}.items():
        outcomes |= {f"{system}_{measure}": values for measure, values in found.items()}
    table = one.evaluator.units
    for name, outcome in outcomes.items():
        for column, values in one.evaluator.columns(name, outcome).items():
            table = table.append_column(column, pa.array(np.asarray(values, np.float64)))
    return table


def points(name: str, one: Measured) -> Iterator[dict[str, str]]:
    """A point a scored pair for the plot: gold across, cosine up."""
    pairs = one.evaluator
    if not isinstance(pairs, Similarity):
        return
    for file, gold, value in zip(pairs.files, pairs.gold.tolist(), one.ours["cosine"], strict=True):
        yield {"benchmark": name, "file": file, "gold": f"{gold:g}", "cosine": f"{value:.6f}"}


def taken_apart(name: str, one: Measured, settings: Settings) -> Diagnosis | None:
    """The figures by part, the worst pairs, neighbours, and how the vectors lie beside those of the untouched backbone.

    None for a benchmark that is not of scored pairs.
    """
    pairs = one.evaluator
    if not isinstance(pairs, Similarity):
        return None
    measure, kind = settings.evaluate.score_of(name).split("_")
    scale = settings.evaluate.benchmarks[name].scale
    space = {system: spread(*pairs.sentences, vectors, pairs.gold, scale) for system, vectors in one.vectors.items()}
    columns = one.ours[measure], one.baselines["tfidf_chars"], one.baselines["jaccard"]
    near = neighbours(pairs.texts, one.vectors[OURS], tfidf_chars(pairs.texts), measure, settings.seed)
    return diagnose(Scored(pairs.units, measure, kind, *columns, scale, settings.seed), space, near)


def _figures(outcomes: Outcomes, one: Measured, seed: int, system: str | None = None) -> dict[str, Any]:
    """The figures over all, by file and weighted where there are files, and the 95 % interval of each over all.

    system: its name in the table, None for a baseline: the prompts that it was given are told, where there were any.
    """
    prompts = one.prompts.get(system, {}) if system else {}
    task, files = one.evaluator.metric, one.evaluator.files
    found = summary(task, outcomes, files) if files else {"n": len(task.clusters), **figures(task, outcomes)}
    told = {"prompts": dict(prompts)} if prompts else {}
    return found | told | one.evaluator.account(outcomes) | {"ci95": intervals(task, outcomes, seed=seed)}


def _compared(name: str, one: Measured, settings: Settings) -> list[dict[str, Any]]:
    """This model against the other systems, the start before training and the baselines, by the main score."""
    measure, kind = settings.evaluate.score_of(name).split("_")
    systems = {OURS: one.ours[measure], **{name: found[measure] for name, found in one.others.items()}}
    systems |= {UNTOUCHED: one.untouched[measure]} if one.untouched else {}
    systems |= {BASELINES[name]: outcome for name, outcome in one.baselines.items()}
    found = against(OURS, systems, one.evaluator.metric, kind, seed=settings.seed)
    return [each.record() for each in found]
