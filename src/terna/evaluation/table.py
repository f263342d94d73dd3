"""One table of systems for README, card, report and terminal: baselines, published figures, measured systems, ours."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terna.errors import DataError
from terna.markdown import ABSENT, Rows, figure, table
from terna.settings import Evaluate
from terna.settings.benchmark import KINDS, MEASURES, UNITS
from terna.settings.schema import CHOSEN_ON_TEST

BASELINES = {"jaccard": "word overlap (Jaccard)", "tfidf_words": "TF-IDF, words", "tfidf_chars": "TF-IDF, characters"}
SHOWN = {
    "pearson": "Pearson",
    "spearman": "Spearman",
    "ap": "average precision",
    "accuracy": "accuracy",
    "f1": "F1",
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "recall@10": "recall@10",
    "recall@100": "recall@100",
}
# whose prompt it is
SIDES = {"default": "prompt", "query": "prompt of queries", "document": "prompt of documents"}
OURS = "this model"
UNTOUCHED = "the backbone, untouched"
WEIGHTED = "Pearson, mean of the files weighted by pairs"
RANKED_BY = "By the score that SemEval ranks by:"
# the source of a baseline's row
LEXICAL = "lexical baseline"


@dataclass(frozen=True)
class Row:
    """A row: what it is called, what its figures come from, and the figures, `<measure>_<kind>`.

    source: `lexical baseline`; `reported, ` and who published them; `measured, ` and the model that was scored here.
    ci95: the 95 % interval of each measured figure, where one was computed. weighted_mean: SemEval's own score, the
    mean of Pearson's correlation over the files, weighted by their numbers of pairs; None where it is not known.
    """

    name: str
    source: str
    figures: Mapping[str, float | None]
    ci95: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    weighted_mean: float | None = None


def check(evaluate: Evaluate, scores: Mapping[str, Any]) -> None:
    """Raise DataError when metrics/sts.json, `scores`, lacks a benchmark or system that the settings name."""
    again = "run the evaluate stage (dvc repro evaluate)"
    for benchmark in evaluate.benchmarks:
        if benchmark not in scores or benchmark not in scores.get("baselines", {}):
            raise DataError(f"metrics/sts.json: nothing on {benchmark}; {again}")
        for system in evaluate.systems:
            if benchmark not in scores.get("systems", {}).get(system, {}):
                raise DataError(f"metrics/sts.json: nothing of {system} on {benchmark}; {again}")


def systems(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Iterator[Row]:
    """A benchmark's rows, from metrics/sts.json: baselines (their one score stands under cosine) first, ours last."""
    yield from (row for row in _every(benchmark, evaluate, scores) if row.figures)


def _every(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Iterator[Row]:
    """The same, and systems of which a weighted mean alone was reported."""
    baselines, pearson = scores["baselines"][benchmark], f"{evaluate.score_of(benchmark).partition('_')[0]}_pearson"
    for key, name in BASELINES.items():
        kinds = {f"cosine_{kind}": f"{key}_{kind}" for kind in KINDS[evaluate.benchmarks[benchmark].task]}
        ci95 = baselines.get("ci95", {})
        bounds = {shown: ci95[found] for shown, found in kinds.items() if found in ci95}
        shown = {name: baselines[found] for name, found in kinds.items()}
        yield Row(name, LEXICAL, shown, bounds, _weighted(baselines, f"{key}_pearson"))
    for reported in evaluate.reported:
        if reported.benchmark == benchmark:
            figures: dict[str, float | None] = dict(reported.figures.items())
            source = f"reported, {reported.source}"
            yield Row(reported.system, source, figures, weighted_mean=reported.weighted_mean)
    for name, where in evaluate.systems.items():
        found = scores["systems"][name][benchmark]
        source = f"measured, {where}{prompted(found)}"
        yield Row(name, source, found, found.get("ci95", {}), _weighted(found, pearson))
    if untouched := scores.get("untouched", {}).get(benchmark):
        source = f"measured, the backbone before training{prompted(untouched)}"
        yield Row(UNTOUCHED, source, untouched, untouched.get("ci95", {}), _weighted(untouched, pearson))
    chosen = ", chosen on this test set" if evaluate.use_of(benchmark) == CHOSEN_ON_TEST else ""
    source = f"measured, these weights{chosen}{prompted(scores[benchmark])}"
    ours = scores[benchmark]
    yield Row(OURS, source, ours, ours["ci95"], _weighted(ours, pearson))


def _weighted(figures: Mapping[str, Any], name: str) -> float | None:
    mean: float | None = figures.get("weighted_mean", {}).get(name)
    return mean


def official(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Rows | None:
    """The systems by SemEval's own score, under the main similarity; None if none is reported for the benchmark."""
    if all(one.weighted_mean is None for one in evaluate.reported if one.benchmark == benchmark):
        return None
    known = [row for row in _every(benchmark, evaluate, scores) if row.weighted_mean is not None]
    return ["system", "source", WEIGHTED], [[row.name, row.source, figure(row.weighted_mean, 3)] for row in known]


def prompted(figures: Mapping[str, Any]) -> str:
    """What was put before texts when a system was measured, after a comma; empty where nothing was."""
    found = figures.get("prompts", {})
    return "".join(f", {SIDES[side]} {json.dumps(prompt, ensure_ascii=False)}" for side, prompt in found.items())


def rows(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Rows:
    """The table of a benchmark: a row a system, the figures under each similarity, the main score's interval."""
    task, score = evaluate.benchmarks[benchmark].task, evaluate.score_of(benchmark)
    return ["system", "source", *MEASURES[task], f"95 % interval of {score}"], [
        [system.name, system.source]
        + [cell(system.figures, measure, KINDS[task]) for measure in MEASURES[task]]
        + [interval(system.ci95.get(score))]
        for system in systems(benchmark, evaluate, scores)
    ]


def compared(score: str, comparisons: Sequence[Mapping[str, Any]]) -> Rows:
    """This model against each other measured system on the same pairs, from `comparisons` of metrics/sts.json."""
    header = ["this model against", f"{score}, difference", "95 % interval", "p, bootstrap", "p, Holm", "p, Williams"]
    return header, [
        [
            one["system"],
            figure(one["difference"], 3),
            interval(one["ci95"]),
            *(_chance(one[name]) for name in ("p", "p_holm", "p_williams")),
        ]
        for one in comparisons
    ]


def title(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    """What a benchmark is called, what it was for, and its size."""
    return f"{benchmark} ({evaluate.use_of(benchmark)}, {size(benchmark, evaluate, scores)})"


def size(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    """How many pairs or queries a benchmark has, and with which other it shares a file."""
    partner, unit = evaluate.partner_of(benchmark), UNITS[evaluate.benchmarks[benchmark].task]
    shared = f" of a file that it shares with {partner}" if partner else ""
    return f"{scores[benchmark]['n']} {unit}{shared}"


def kinds(benchmark: str, evaluate: Evaluate) -> str:
    """What stands in a cell of a benchmark's table."""
    return " / ".join(SHOWN[kind] for kind in KINDS[evaluate.benchmarks[benchmark].task])


def interval(bounds: Sequence[float | None] | None, decimals: int = 3) -> str:
    """A 95 % interval; a dash for one that is undefined."""
    low, high = bounds or (None, None)
    return ABSENT if low is None else f"{figure(low, decimals)} to {figure(high, decimals)}"


def markdown(evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    """For each benchmark the table of systems and the comparisons, in Markdown."""
    parts = []
    for name in evaluate.benchmarks:
        against = compared(evaluate.score_of(name), scores["comparisons"][name])
        parts += [
            f"**{title(name, evaluate, scores)}**: {kinds(name, evaluate)}",
            table(*rows(name, evaluate, scores)),
            table(*against),
        ]
        ranked = official(name, evaluate, scores)
        parts += [RANKED_BY, table(*ranked)] if ranked else []
    return "\n\n".join(parts) + "\n"


def cell(figures: Mapping[str, float | None], measure: str, kinds: Sequence[str]) -> str:
    """The kinds of figure under a measure; nothing where a system has no such figures."""
    names = [f"{measure}_{kind}" for kind in kinds]
    return " / ".join(figure(figures.get(name), 3) for name in names) if any(name in figures for name in names) else ""


def _chance(value: float | None) -> str:
    return "< 0.001" if value is not None and value < 0.001 else figure(value, 3)
