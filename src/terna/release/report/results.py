"""The head of the page, its verdict in words, and the first sections: systems with intervals, published figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from terna.evaluation.table import LEXICAL, OURS, Row, compared, interval, kinds, official, rows, size, systems, title
from terna.evaluation.verdict import Verdict, finding, proven, since_start, verdicts
from terna.markdown import code, figure
from terna.release.card import passage
from terna.release.card.tables import benchmark
from terna.release.report import intervals
from terna.release.report.blocks import Block, Fold, Heading, Plots, Section, Table, Text
from terna.release.report.contents import Contents

SAME_PAIRS = (
    "Each system is scored on the same bootstrap resamples; Holm's correction holds the chance of any false alarm in a "
    "table. Positive differences speak for this model."
)


def headlines(contents: Contents) -> list[Mapping[str, Any]]:
    """What the page opens with: for each benchmark that counts the verdict in words, and the main score."""
    evaluate, scores = contents.settings.evaluate, contents.scores
    return [
        {
            "benchmark": one.benchmark,
            "role": f"{one.use}, {size(one.benchmark, evaluate, scores)}",
            "findings": [one.first, *one.others],
            "score": one.score,
            "figure": figure(one.ours, 3),
            "more": _more(one, contents),
        }
        for one in verdicts(evaluate, scores)
    ]


def _more(one: Verdict, contents: Contents) -> str:
    bounds = contents.scores[one.benchmark]["ci95"].get(one.score)
    return f"95 % interval {interval(bounds)}; best lexical baseline {figure(one.theirs, 3)}"


def use(contents: Contents) -> str:
    """What the model can be recommended for, and what the intervals do not tell."""
    found = verdicts(contents.settings.evaluate, contents.scores)
    return (
        f"{passage('use', {'proven': proven(found)})} The 95 % intervals describe the choice of test examples, for one "
        f"run with seed {contents.settings.seed}; `make seeds` measures the spread between seeds."
    )


def gain(contents: Contents) -> str:
    """What training gained on the development data; or that it was a debug run, or the start's own weights ship."""
    training = contents.training
    found = since_start(training)
    if found is None or contents.settings.train.debug:
        return passage("shipped", {"training": training, "settings": contents.settings})
    chosen = contents.settings.evaluate.select_on
    return f"On {code(chosen)}, which selected the checkpoint and so favours it, this model is {found.words()}."


def section(contents: Contents) -> Section:
    """Every system of each benchmark, with intervals and differences."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = [Text(passage("protocol", {"settings": contents.settings}))]
    for number, name in enumerate(_by_role(contents)):
        blocks += [Heading(title(name, evaluate, contents.scores)), *_benchmark(number, name, contents)]
    legend = passage("legend", {"tasks": {one.task for one in evaluate.benchmarks.values()}})
    return Section("results", "Results", [*blocks, Fold("How to read these scores", [Text(legend)])])


def _by_role(contents: Contents) -> list[str]:
    """The benchmarks, the tests first."""
    benchmarks = contents.settings.evaluate.benchmarks
    return sorted(benchmarks, key=lambda name: benchmarks[name].role != "test")


def _benchmark(number: int, name: str, contents: Contents) -> Iterator[Block]:
    evaluate, scores = contents.settings.evaluate, contents.scores
    score, every = evaluate.score_of(name), list(systems(name, evaluate, scores))
    found = [finding(one) for one in scores["comparisons"][name]]
    apart = intervals.differences(f"differences-{number}", name, score, found)
    yield Plots([apart, intervals.scores(f"forest-{number}", name, score, every)])
    header, cells = rows(name, evaluate, scores)
    marks = {place: _mark(system) for place, system in enumerate(every)}
    yield Table(f"Systems on {name}: {kinds(name, evaluate)}", header, cells, "tt" + "n" * (len(header) - 2), marks)
    if ranked := official(name, evaluate, scores):
        yield Table(f"Systems on {name} by the score that SemEval ranks by", *ranked, "ttn")
    caption = f"{name}: this model's {score} less that of others"
    table = Table(caption, *compared(score, scores["comparisons"][name]), "tnnnnn")
    yield Fold("The differences in figures, with p-values", [Text(SAME_PAIRS), table])
    if not benchmark(name, evaluate, scores).reported:
        yield Fold("All figures of this model with intervals", [_figures(name, contents)])


def _mark(system: Row) -> str:
    """The row's class in page.css."""
    if system.name == OURS:
        return "ours"
    return "baseline" if system.source == LEXICAL else system.source.partition(",")[0]


def published(contents: Contents) -> Section:
    """The figures of each benchmark of which others published some, beside those."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = []
    for name in evaluate.benchmarks:
        one = benchmark(name, evaluate, contents.scores)
        if one.reported:
            heading = Heading(f"{name} ({evaluate.use_of(name)})")
            blocks += [heading, _figures(name, contents), Text(passage("sources", {"benchmark": one}))]
    return Section("published", "Published figures beside ours", blocks)


def _figures(name: str, contents: Contents) -> Table:
    one = benchmark(name, contents.settings.evaluate, contents.scores)
    header, cells = one.figures
    return Table(f"The {one.many} figures on {name}", header, cells, "t" + "n" * (len(header) - 1))
