"""The first sections: systems with intervals, published figures beside ours, comparisons."""

from collections.abc import Iterator, Mapping
from typing import Any

from terna.card import results as card
from terna.card.markdown import ABSENT, figure
from terna.report import plots
from terna.report.blocks import Block, Heading, Plots, Section, Table, Text
from terna.report.contents import Contents
from terna.table import MEASURES, OURS, System, systems

SAME_PAIRS = (
    "Each system is scored on the same bootstrap resamples; Holm's correction holds the chance of any false alarm in a "
    "table. Positive differences speak for this model."
)


def section(contents: Contents) -> Section:
    """Every system of each benchmark, with intervals."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    blocks: list[Block] = [Text(card.LEGEND), Text(card.protocol(evaluate))]
    for number, name in enumerate(evaluate.benchmarks):
        rows = list(systems(name, evaluate, scores))
        blocks += [Heading(f"{name} ({evaluate.use_of(name)}, {scores[name]['n']} pairs)")]
        blocks += [_systems(name, evaluate.main_score, rows)]
        blocks += [Plots([plots.forest(f"forest-{number}", name, evaluate.main_score, rows)])]
    return Section("results", "Results", blocks)


def _systems(name: str, score: str, rows: list[System]) -> Table:
    marks = {place: _mark(system) for place, system in enumerate(rows)}
    header = ["system", "how its figures came about", *MEASURES, f"95 % interval of {score}"]
    cells = [[system.name, system.kind, *_pairs(system), _interval(system, score)] for system in rows]
    return Table(f"Systems on {name}: Pearson / Spearman", header, cells, "ttnnnnn", marks)


def _mark(system: System) -> str:
    return "ours" if system.name == OURS else system.kind.partition(",")[0]


def _pairs(system: System) -> Iterator[str]:
    for measure in MEASURES:
        kinds = [f"{measure}_{kind}" for kind in ("pearson", "spearman")]
        known = any(kind in system.figures for kind in kinds)
        yield " / ".join(figure(system.figures.get(kind), 3) for kind in kinds) if known else ""


def _interval(system: System, score: str) -> str:
    low, high = system.ci95.get(score) or (None, None)
    return ABSENT if low is None else f"{figure(low, 3)} to {figure(high, 3)}"


def published(contents: Contents) -> Section:
    """The eight figures of each benchmark beside what was reported of it."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = []
    for name in evaluate.benchmarks:
        header, rows = card.eight(name, evaluate, contents.scores)
        told = card.sources(name, evaluate) or "No published figures are declared for this benchmark."
        table = Table(f"The eight figures on {name}", header, rows, "t" + "n" * (len(header) - 1))
        blocks += [Heading(f"{name} ({evaluate.use_of(name)})"), table, Text(told)]
    return Section("published", "Published figures beside ours", blocks)


def comparisons(contents: Contents) -> Section:
    """This model against each other measured system."""
    score = contents.settings.evaluate.main_score
    blocks: list[Block] = [Text(SAME_PAIRS)]
    for name in contents.settings.evaluate.benchmarks:
        header, rows = card.compared(contents.scores["comparisons"][name])
        titled = ["this model against", *header[1:]]
        blocks += [Table(f"{name}: this model's {score} less that of", titled, rows, "tnnnnn")]
    return Section("comparisons", "Comparisons", blocks)


def headlines(contents: Contents) -> list[Mapping[str, Any]]:
    """For each benchmark what to look at first: the main score, its interval, the best floor."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    return [
        {
            "benchmark": name,
            "role": evaluate.use_of(name),
            "score": evaluate.main_score,
            "figure": figure(scores[name][evaluate.main_score], 3),
            "interval": _interval(ours, evaluate.main_score),
            "floor": _best_floor(rows, evaluate.main_score),
        }
        for name in evaluate.benchmarks
        for *rows, ours in [list(systems(name, evaluate, scores))]
    ]


def _best_floor(rows: list[System], score: str) -> str:
    kind = f"cosine_{score.partition('_')[2]}"  # where a floor's one score stands
    known = [(value, row.name) for row in rows if row.kind == "floor" and (value := row.figures.get(kind)) is not None]
    return "{1}: {0:.3f}".format(*max(known)) if known else ABSENT
