"""The card's tables, as cells: results by benchmark, what was read of each corpus, what benchmarks share, digests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terna.evaluation.table import BASELINES, OURS, UNTOUCHED, cell, compared, interval, kinds, official, rows, title
from terna.markdown import ABSENT, Rows, code, figure
from terna.release.lineage import Lineage
from terna.settings import Evaluate, Reported, Settings
from terna.settings.benchmark import KINDS

COLUMNS = {
    "read": "rows read",
    "other_language": "passed over: another language",
    "no_label": "dropped: no label",
    "empty_sentence": "dropped: empty sentence",
    "translation_dropped": "dropped: translation",
    "kept": "kept",
    "distinct_sentences": "distinct sentences",
    "overlap_dropped": "dropped: shared with a benchmark",
    "triplets": "triplets",
}
NUMBERS = {8: "eight", 12: "twelve"}
# what a stage makes beside these follows from them, and stands in lineage.json
STAGES = ("translate", "triplets", "tokens", "train")
SUFFIXES = (".parquet", ".npy", ".safetensors")


@dataclass(frozen=True)
class Benchmark:
    """What the card shows of a benchmark."""

    title: str
    systems: Rows
    comparisons: Rows
    kinds: str
    """What stands in a cell of these."""
    figures: Rows
    """All figures: reported, measured with their intervals, and how much better."""
    many: str
    """How many figures there are, in a word."""
    reported: Sequence[Reported]
    """The systems whose figures others published."""
    official: Rows | None
    """By SemEval's own score; None if none is reported."""
    by_file: Rows | None
    """None where no files part the benchmark."""


def benchmark(name: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Benchmark:
    """The tables of a benchmark; `scores` is the content of metrics/sts.json."""
    reported = [system for system in evaluate.reported if system.benchmark == name and system.figures]
    return Benchmark(
        title=title(name, evaluate, scores),
        systems=rows(name, evaluate, scores),
        comparisons=compared(evaluate.score_of(name), scores["comparisons"][name]),
        kinds=kinds(name, evaluate),
        figures=_figures(evaluate.benchmarks[name].figures, scores[name], reported),
        many=NUMBERS[len(evaluate.benchmarks[name].figures)],
        reported=reported,
        official=official(name, evaluate, scores),
        by_file=_by_file(name, evaluate, scores) if "by_file" in scores[name] else None,
    )


def relative_improvement(ours: float | None, reported: float | None) -> str:
    """By how many percent `ours` exceeds `reported`; a dash where there is no such ratio."""
    if ours is None or reported is None or reported <= 0:
        return ABSENT
    return f"{100 * (ours / reported - 1):+.2f}"


def _figures(names: Sequence[str], ours: Mapping[str, Any], reported: Sequence[Reported]) -> Rows:
    header = ["", *(f"{system.system} (reported)" for system in reported), "this model (measured)", "95 % interval"]
    if reported:
        header.append(f"relative improvement over {reported[0].system}, %")
    return header, [_row(name, ours, reported) for name in names]


def _row(name: str, ours: Mapping[str, Any], reported: Sequence[Reported]) -> list[str]:
    published = [{str(key): value for key, value in system.figures.items()}.get(name) for system in reported]
    cells = [name, *(figure(value, 6) for value in [*published, ours[name]]), interval(ours["ci95"].get(name))]
    return [*cells, *(relative_improvement(ours[name], value) for value in published[:1])]


def _by_file(name: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Rows:
    kinds = KINDS[evaluate.benchmarks[name].task]
    columns = [(shown, key, scores["baselines"][name]) for key, shown in BASELINES.items()]
    columns += [(shown, "cosine", found[name]) for shown, found in scores.get("systems", {}).items()]
    if before := scores.get("untouched", {}).get(name):
        columns.append((UNTOUCHED, "cosine", before))
    columns.append((OURS, "cosine", scores[name]))
    return ["", *(shown for shown, _, _ in columns)], [
        [shown, *(_within(found, path, key, kinds) for _, key, found in columns)]
        for shown, path in _scopes(scores[name])
    ]


def _scopes(ours: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Over which pairs there are figures, and under which keys a result holds them."""
    for file, part in ours["by_file"].items():
        yield f"{file}, {part['n']} pairs", ["by_file", file]
    yield "weighted mean of the files", ["weighted_mean"]


def _within(found: Mapping[str, Any], path: Sequence[str], key: str, kinds: Sequence[str]) -> str:
    for step in path:
        found = found.get(step, {})
    return cell(found, key, kinds) or ABSENT


def corpora(settings: Settings, stats: Mapping[str, Any]) -> Rows:
    """What was read of each corpus, left out of it and kept; `stats` is the content of data/triplets/stats.json."""
    return ["corpus", *COLUMNS.values(), "licence"], [
        [name, *(str(stats["corpora"][name][key]) for key in COLUMNS), corpus.licence]
        for name, corpus in settings.corpora.items()
    ]


def contaminated(stats: Mapping[str, Any]) -> Rows:
    """How many sentences are shared with each benchmark."""
    found = stats["contamination"]["sentences"]
    rows = [[name, str(counts["exact"]), str(counts["near"])] for name, counts in found.items()]
    return ["benchmark", "equal", "nearly equal"], rows


def digests(lineage: Lineage) -> Rows:
    """What was made on the way to the weights; the raw files' digests stand with the data."""
    rows = [
        [link.stage, code(path), code(digest)]
        for link in lineage.chain
        for path, digest in link.wrote.items()
        if link.stage in STAGES and path.endswith(SUFFIXES)
    ]
    return ["stage", "file", "sha256"], rows
