"""The first sections: systems with intervals, published figures beside ours, comparisons."""

from collections.abc import Mapping
from typing import Any

from terna.evaluation.table import LEXICAL, OURS, Row, compared, interval, rows, systems, title
from terna.evaluation.verdict import proven, verdict, verdicts
from terna.markdown import figure
from terna.release.card import passage
from terna.release.card.tables import benchmark
from terna.release.report import plots
from terna.release.report.blocks import Block, Heading, Plots, Section, Table, Text
from terna.release.report.contents import Contents

SAME_PAIRS = (
    "Each system is scored on the same bootstrap resamples; Holm's correction holds the chance of any false alarm in a "
    "table. Positive differences speak for this model."
)


def section(contents: Contents) -> Section:
    """Every system of each benchmark, with intervals."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    found = verdicts(evaluate, scores)
    blocks: list[Block] = [
        Text(passage("verdict", {"verdicts": found, "proven": proven(found)})),
        Text(passage("legend", {})),
        Text(passage("protocol", {"settings": contents.settings})),
    ]
    for number, name in enumerate(evaluate.benchmarks):
        every = list(systems(name, evaluate, scores))
        marks = {place: _mark(system) for place, system in enumerate(every)}
        table = Table(f"Systems on {name}: Pearson / Spearman", *rows(name, evaluate, scores), "ttnnnnn", marks)
        forest = plots.forest(f"forest-{number}", name, evaluate.main_score, every)
        blocks += [Heading(title(name, evaluate, scores)), table, Plots([forest])]
    return Section("results", "Results", blocks)


def _mark(system: Row) -> str:
    """The row's class in page.css."""
    if system.name == OURS:
        return "ours"
    return "baseline" if system.source == LEXICAL else system.source.partition(",")[0]


def published(contents: Contents) -> Section:
    """The eight figures of each benchmark beside what was reported of it."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = []
    for name in evaluate.benchmarks:
        one = benchmark(name, evaluate, contents.scores)
        header, cells = one.figures
        told = passage("sources", {"benchmark": one}) or "No published figures are declared for this benchmark."
        table = Table(f"The eight figures on {name}", header, cells, "t" + "n" * (len(header) - 1))
        blocks += [Heading(f"{name} ({evaluate.use_of(name)})"), table, Text(told)]
    return Section("published", "Published figures beside ours", blocks)


def comparisons(contents: Contents) -> Section:
    """This model against each other measured system."""
    score = contents.settings.evaluate.main_score
    blocks: list[Block] = [Text(SAME_PAIRS)]
    for name in contents.settings.evaluate.benchmarks:
        cells = compared(score, contents.scores["comparisons"][name])
        blocks += [Table(f"{name}: this model's {score} less that of others", *cells, "tnnnnn")]
    return Section("comparisons", "Comparisons", blocks)


def headlines(contents: Contents) -> list[Mapping[str, Any]]:
    """For each benchmark what to look at first: the main score, its interval, the verdict on the best baseline."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    return [
        {
            "benchmark": name,
            "role": evaluate.use_of(name),
            "score": evaluate.main_score,
            "figure": figure(scores[name][evaluate.main_score], 3),
            "interval": interval(scores[name]["ci95"].get(evaluate.main_score)),
            "against": f"{against.outcome.value} the best baseline, {against.baseline}: {figure(against.theirs, 3)}",
        }
        for name in evaluate.benchmarks
        for against in [verdict(name, evaluate, scores)]
    ]
