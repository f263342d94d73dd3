"""Whether this model is better than the best lexical baseline: one verdict for card, report and terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from terna.errors import DataError
from terna.evaluation.table import BASELINES, interval
from terna.markdown import figure
from terna.records import read_json, rerun, validated, write_json
from terna.settings import Evaluate


class Outcome(Enum):
    """What the 95 % interval of a difference says; the value stands before the baseline's name in a sentence."""

    BETTER = "better than"
    WORSE = "worse than"
    OPEN = "not distinguishable from"
    UNDEFINED = "not comparable with"


@dataclass(frozen=True)
class Verdict:
    """This model against the best lexical baseline of a benchmark, by the main score.

    use: what the benchmark was for. ours, theirs, difference, ci95: None where a figure is undefined.
    """

    benchmark: str
    use: str
    score: str
    baseline: str
    outcome: Outcome
    ours: float | None
    theirs: float | None
    difference: float | None
    ci95: list[float | None]

    def sentence(self) -> str:
        """The verdict with its figures."""
        return (
            f"On {self.benchmark} ({self.use}), this model is {self.outcome.value} the best lexical baseline, "
            f"{self.baseline}: {self.score} {figure(self.ours, 3)} against {figure(self.theirs, 3)}, difference "
            f"{figure(self.difference, 3)}, 95 % interval {interval(self.ci95)}."
        )


def verdict(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Verdict:
    """Compare on a benchmark, from metrics/sts.json; DataError where the comparison is missing."""
    score = evaluate.score_of(benchmark)
    key, theirs = _best(scores["floors"][benchmark], score.partition("_")[2])
    name, rows = BASELINES[key], scores.get("comparisons", {}).get(benchmark, [])
    compared = next((one for one in rows if one["system"] == name), None)
    if compared is None:
        raise DataError(
            f"metrics/sts.json: comparisons.{benchmark}: nothing on {name}; run the evaluate stage "
            "(dvc repro -s -f evaluate)"
        )
    return Verdict(
        benchmark,
        evaluate.use_of(benchmark),
        score,
        name,
        _outcome(compared["ci95"]),
        scores[benchmark][score],
        theirs,
        compared["difference"],
        compared["ci95"],
    )


def verdicts(evaluate: Evaluate, scores: Mapping[str, Any]) -> list[Verdict]:
    """The verdicts that count: on the test benchmarks or, where there is none, on all."""
    tests = [name for name, one in evaluate.benchmarks.items() if one.role == "test"]
    return [verdict(name, evaluate, scores) for name in tests or evaluate.benchmarks]


def proven(found: Sequence[Verdict]) -> bool:
    """Whether the model is better than the best baseline on each benchmark, none of which chose the checkpoint."""
    return bool(found) and all(one.outcome is Outcome.BETTER and one.use == "test" for one in found)


def write(found: list[Verdict], path: Path) -> None:
    """Write verdicts as JSON: what a released folder says of itself."""
    write_json(TypeAdapter(list[Verdict]).dump_python(found, mode="json"), path)


def read(path: Path) -> list[Verdict]:
    """Read what `write` wrote; DataError if it is missing or something else."""
    found: list[Verdict] = validated(list[Verdict], read_json(path), str(path), rerun("release"))
    return found


def _best(baselines: Mapping[str, Any], kind: str) -> tuple[str, float | None]:
    """The baseline with the highest figure, by its key; the first where all are undefined."""
    figures = {key: baselines[f"{key}_{kind}"] for key in BASELINES}
    key = max(figures, key=lambda key: float("-inf") if figures[key] is None else figures[key])
    return key, figures[key]


def _outcome(bounds: Sequence[float | None]) -> Outcome:
    low, high = bounds
    if low is None or high is None:
        return Outcome.UNDEFINED
    return Outcome.BETTER if low > 0 else Outcome.WORSE if high < 0 else Outcome.OPEN
