"""The first sections: systems with intervals, published figures beside ours, comparisons."""

from collections.abc import Mapping
from typing import Any

from terna.evaluation.table import LEXICAL, OURS, Row, compared, interval, kinds, rows, systems, title
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
        Text(passage("legend", {"tasks": {one.task for one in evaluate.benchmarks.values()}})),
        Text(passage("protocol", {"settings": contents.settings})),
    ]
    for number, name in enumerate(evaluate.benchmarks):
        every = list(systems(name, evaluate, scores))
        marks = {place: _mark(system) for place, system in enumerate(every)}
        header, cells = rows(name, evaluate, scores)
        caption = f"Systems on {name}: {kinds(name, evaluate)}"
        table = Table(caption, header, cells, "tt" + "n" * (len(header) - 2), marks)
        forest = plots.forest(f"forest-{number}", name, evaluate.score_of(name), every)
        blocks += [Heading(title(name, evaluate, scores)), table, Plots([forest])]
    return Section("results", "Results", blocks)


def _mark(system: Row) -> str:
    """The row's class in page.css."""
    if system.name == OURS:
        return "ours"
    return "baseline" if system.source == LEXICAL else system.source.partition(",")[0]


def published(contents: Contents) -> Section:
    """The figures of each benchmark beside what was reported of it."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = []
    for name in evaluate.benchmarks:
        one = benchmark(name, evaluate, contents.scores)
        header, cells = one.figures
        told = passage("sources", {"benchmark": one}) or "No published figures are declared for this benchmark."
        table = Table(f"The {one.many} figures on {name}", header, cells, "t" + "n" * (len(header) - 1))
        blocks += [Heading(f"{name} ({evaluate.use_of(name)})"), table, Text(told)]
    return Section("published", "Published figures beside ours", blocks)


def comparisons(contents: Contents) -> Section:
    """This model against each other measured system."""
    blocks: list[Block] = [Text(SAME_PAIRS)]
    for name in contents.settings.evaluate.benchmarks:
        score = contents.settings.evaluate.score_of(name)
        cells = compared(score, contents.scores["comparisons"][name])
        blocks += [Table(f"{name}: this model's {score} less that of others", *cells, "tnnnnn")]
    return Section("comparisons", "Comparisons", blocks)


def shipped(contents: Contents) -> str:
    """That it was a debug run; that the start's own weights ship, where no step scored better; else empty."""
    if contents.training["selected_step"] and not contents.settings.train.debug:
        return ""
    return passage("shipped", {"training": contents.training, "settings": contents.settings})


def headlines(contents: Contents) -> list[Mapping[str, Any]]:
    """For each benchmark what to look at first: the main score, its interval, the verdict on the best baseline."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    return [
        {
            "benchmark": name,
            "role": evaluate.use_of(name),
            "score": evaluate.score_of(name),
            "figure": figure(scores[name][evaluate.score_of(name)], 3),
            "interval": interval(scores[name]["ci95"].get(evaluate.score_of(name))),
            "against": f"{against.outcome.value} the best baseline, {against.baseline}: {figure(against.theirs, 3)}",
        }
        for name in evaluate.benchmarks
        for against in [verdict(name, evaluate, scores)]
    ]
