"""How good the encoder is: the eight figures of each benchmark beside published systems and lexical baselines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from terna.evaluation.table import BASELINES, OURS, UNTOUCHED, compared, interval, pair, rows, title
from terna.markdown import ABSENT, Rows, figure, table
from terna.settings import Evaluate, Reported
from terna.settings.schema import Figure

LEGEND = (
    "Each figure is the correlation (Pearson or Spearman) of people's scores with a similarity of the two sentence "
    "vectors: cosine, negative Euclidean or Manhattan distance, or dot product. “Measured” figures were computed from "
    "these very weights; “reported” ones repeat what their authors published. The 95 % intervals are a bootstrap's, in "
    "which equal pairs are drawn together. A dash stands where a figure is undefined or was not given."
)


def section(evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    """The section on results; `scores` is the content of metrics/sts.json."""
    parts = [_benchmark(name, evaluate, scores) for name in evaluate.benchmarks]
    return "\n\n".join(["## Evaluation Results", LEGEND, protocol(evaluate), *_systems(evaluate), *parts])


def relative_improvement(ours: float | None, reported: float | None) -> str:
    """By how many percent `ours` exceeds `reported`; a dash where there is no such ratio."""
    if ours is None or reported is None or reported <= 0:
        return ABSENT
    return f"{100 * (ours / reported - 1):+.2f}"


def protocol(evaluate: Evaluate) -> str:
    """What the checkpoint was chosen on, and whether the test is a test."""
    tests = [f"`{name}`" for name, benchmark in evaluate.benchmarks.items() if benchmark.role == "test"]
    chosen = (
        f"The checkpoint was chosen on `{evaluate.select_on}` by `{evaluate.main_score}`, "
        "the figure that was declared beforehand."
    )
    if evaluate.replication:
        return (
            f"{chosen} **That is a test benchmark**: a replication of a published protocol that chose on it, whose "
            "figures there, like those that it replicates, are too good by what choosing adds."
        )
    return f"{chosen} Nothing was chosen on the test data: {', '.join(tests)}." if tests else chosen


def _systems(evaluate: Evaluate) -> Iterator[str]:
    """What the other measured systems are."""
    if evaluate.systems:
        told = "; ".join(f"{name}: `{where}`" for name, where in evaluate.systems.items())
        yield f"Other systems, measured on the same pairs: {told}."


def _benchmark(name: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    against = compared(evaluate.main_score, scores["comparisons"][name])
    parts = [f"### {title(name, evaluate, scores)}", "Pearson / Spearman:", table(*rows(name, evaluate, scores))]
    parts += ["On the same pairs:", table(*against), "The eight figures:", table(*eight(name, evaluate, scores))]
    if told := sources(name, evaluate):
        parts.append(told)
    return "\n\n".join([*parts, "Cosine by file:", _by_file(name, scores)])


def sources(name: str, evaluate: Evaluate) -> str | None:
    """Who says the reported figures of a benchmark; None where there are none."""
    reported = "; ".join(f"{system.system}: {system.source}" for system in _reported(name, evaluate))
    return f"Source of the reported figures: {reported}." if reported else None


def eight(name: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Rows:
    """The eight figures of a benchmark: reported, measured with their intervals, and how much better."""
    reported = _reported(name, evaluate)
    header = ["", *(f"{system.system} (reported)" for system in reported), "this model (measured)", "95 % interval"]
    if reported:
        header.append(f"relative improvement over {reported[0].system}, %")
    return header, [_row(figure_name, scores[name], reported) for figure_name in get_args(Figure)]


def _reported(name: str, evaluate: Evaluate) -> list[Reported]:
    return [system for system in evaluate.reported if system.benchmark == name]


def _row(name: Figure, ours: Mapping[str, Any], reported: Sequence[Reported]) -> list[str]:
    published = [system.figures.get(name) for system in reported]
    cells = [name, *(figure(value, 6) for value in [*published, ours[name]]), interval(ours["ci95"].get(name))]
    return [*cells, *(relative_improvement(ours[name], value) for value in published[:1])]


def _by_file(name: str, scores: Mapping[str, Any]) -> str:
    columns = [(shown, key, scores["floors"][name]) for key, shown in BASELINES.items()]
    columns += [(shown, "cosine", found[name]) for shown, found in scores.get("systems", {}).items()]
    if before := scores.get("untouched", {}).get(name):
        columns.append((UNTOUCHED, "cosine", before))
    columns.append((OURS, "cosine", scores[name]))
    cells = (
        [shown, *(_within(found, path, key) for _, key, found in columns)] for shown, path in _scopes(scores[name])
    )
    return table(["", *(shown for shown, _, _ in columns)], cells)


def _scopes(ours: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Over which pairs there are figures, and under which keys a result holds them."""
    for file, part in ours["by_file"].items():
        yield f"{file}, {part['n']} pairs", ["by_file", file]
    yield "weighted mean of the files", ["weighted_mean"]


def _within(found: Mapping[str, Any], path: Sequence[str], key: str) -> str:
    for step in path:
        found = found.get(step, {})
    return pair(found, key) or ABSENT
