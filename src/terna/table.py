"""One table of systems for README, report and terminal: floors, published rows, the untouched backbone, ours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terna.settings import Evaluate
from terna.settings.schema import CHOSEN_ON_TEST

FLOORS = {"jaccard": "word overlap (Jaccard)", "tfidf_words": "TF-IDF, words", "tfidf_chars": "TF-IDF, characters"}
MEASURES = ("cosine", "euclidean", "manhattan", "dot")
OURS = "this model"
UNTOUCHED = "the backbone, untouched"


@dataclass(frozen=True)
class System:
    """A row: what it is called, how its figures came about, and the figures, `<measure>_pearson` and `_spearman`.

    ci95: the 95 % interval of each measured figure, where one was computed.
    """

    name: str
    kind: str
    figures: Mapping[str, float | None]
    ci95: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


def systems(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Iterator[System]:
    """The rows of a benchmark, from metrics/sts.json: floors (their one score stands under cosine) first, ours last."""
    floors = scores["floors"][benchmark]
    for key, name in FLOORS.items():
        kinds = {f"cosine_{kind}": f"{key}_{kind}" for kind in ("pearson", "spearman")}
        ci95 = floors.get("ci95", {})
        bounds = {shown: ci95[found] for shown, found in kinds.items() if found in ci95}
        yield System(name, "floor", {shown: floors[found] for shown, found in kinds.items()}, bounds)
    for reported in evaluate.reported:
        if reported.benchmark == benchmark:
            figures: dict[str, float | None] = dict(reported.figures.items())
            yield System(reported.system, f"reported, {reported.source}", figures)
    for name, found in scores.get("systems", {}).items():
        yield System(name, "measured", found[benchmark])
    if untouched := scores.get("untouched", {}).get(benchmark):
        yield System(UNTOUCHED, "measured", untouched, untouched.get("ci95", {}))
    chosen = evaluate.use_of(benchmark) == CHOSEN_ON_TEST
    kind = "measured, chosen on this test set" if chosen else "measured"
    yield System(OURS, kind, scores[benchmark], scores[benchmark]["ci95"])


def markdown(evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    """A Markdown table for each benchmark: a row a system, Pearson / Spearman under each of the four similarities."""
    return "\n\n".join(_benchmark(name, evaluate, scores) for name in evaluate.benchmarks) + "\n"


def _benchmark(name: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> str:
    lines = [
        f"**{name}** ({evaluate.use_of(name)}, {scores[name]['n']} pairs; Pearson / Spearman)",
        "",
        f"| system | | {' | '.join(MEASURES)} |",
        f"|---|---|{'---:|' * len(MEASURES)}",
    ]
    for system in systems(name, evaluate, scores):
        cells = [_pair(system.figures, measure) for measure in MEASURES]
        lines.append(f"| {system.name} | {system.kind} | {' | '.join(cells)} |")
    low, high = (_figure(bound) for bound in scores[name]["ci95"][evaluate.main_score])
    lines += ["", f"95 % interval of this model's {evaluate.main_score}: {low} to {high}.", ""]
    return "\n".join([*lines, *_compared(evaluate.main_score, scores["comparisons"][name])])


def _compared(figure: str, comparisons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """This model against each measured system, on the same pairs."""
    yield f"| this model against | {figure}, difference | 95 % interval | p | p, Holm | p, Williams |"
    yield "|---|--:|--:|--:|--:|--:|"
    for one in comparisons:
        low, high = (_figure(bound) for bound in one["ci95"])
        chances = " | ".join(_chance(one[name]) for name in ("p", "p_holm", "p_williams"))
        yield f"| {one['system']} | {_figure(one['difference'])} | {low} to {high} | {chances} |"


def _pair(figures: Mapping[str, float | None], measure: str) -> str:
    values = [figures.get(f"{measure}_{kind}") for kind in ("pearson", "spearman")]
    return "" if measure not in {key.split("_")[0] for key in figures} else " / ".join(map(_figure, values))


def _chance(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
