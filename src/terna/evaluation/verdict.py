"""Whether this model is better than what it was compared with: one place makes the words of card, report, terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from terna.errors import DataError
from terna.evaluation.table import BASELINES, UNTOUCHED, interval
from terna.markdown import figure
from terna.metrics.power import smallest_within
from terna.records import read_json, rerun, validated, write_json
from terna.settings import Evaluate

# what a sentence calls systems whose names in the table would not read well there
IN_WORDS = {
    BASELINES["tfidf_words"]: "TF-IDF over words",
    BASELINES["tfidf_chars"]: "TF-IDF over characters",
    UNTOUCHED: "the backbone before training",
}
START = "the weights at the start"


class Outcome(Enum):
    """What the 95 % interval of a difference says; the value stands before the other system's name in a sentence."""

    BETTER = "better than"
    WORSE = "worse than"
    OPEN = "not distinguishable from"
    UNDEFINED = "not comparable with"


@dataclass(frozen=True)
class Finding:
    """This model against one other system.

    other: what a sentence calls it. difference: this model's score minus the other's, and its 95 % interval; None where
    a score is undefined.
    """

    other: str
    difference: float | None
    ci95: list[float | None]

    @property
    def outcome(self) -> Outcome:
        """What the interval says."""
        low, high = self.ci95
        if self.difference is None or low is None or high is None:
            return Outcome.UNDEFINED
        return Outcome.BETTER if low > 0 else Outcome.WORSE if high < 0 else Outcome.OPEN

    @property
    def beside(self) -> str:
        """What follows the outcome in a sentence: the other system, the difference and its interval."""
        if self.outcome is Outcome.UNDEFINED:
            return f"{self.other}, because a score is undefined"
        if self.outcome is Outcome.OPEN:
            return f"{self.other} (difference {figure(self.difference, 3)}, {interval(self.ci95)})"
        ends = sorted(abs(end) for end in self.ci95 if end is not None)  # both on one side of zero
        closed = "," if "," in self.other else ""  # an apposition ends with a comma
        return f"{self.other}{closed} by {figure(abs(self.difference or 0), 3)} ({interval(ends)})"

    def words(self) -> str:
        """The finding as a part of a sentence."""
        return f"{self.outcome.value} {self.beside}"


@dataclass(frozen=True)
class Verdict:
    """This model on a benchmark, by the main score: against the best lexical baseline, and against other encoders.

    use: what the benchmark was for. baseline: the best one, by its name in the table. outcome, difference, ci95: of the
    comparison with it. ours, theirs, difference, ci95: None where a score is undefined. others: the systems of
    `evaluate.systems` and the backbone before training, as far as compared.
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
    others: list[Finding] = field(default_factory=list)

    @property
    def first(self) -> Finding:
        """The comparison with the best lexical baseline, on which all depends."""
        return Finding(f"the best lexical baseline, {in_words(self.baseline)}", self.difference, self.ci95)

    def sentence(self) -> str:
        """The verdict with its figures."""
        said = "; ".join(each.words() for each in [self.first, *self.others])
        return (
            f"On {self.benchmark} ({self.use}), this model is {said}. Its {self.score} is {figure(self.ours, 3)}, the "
            f"baseline's {figure(self.theirs, 3)}; intervals are 95 %.{self.missed()}"
        )

    def missed(self) -> str:
        """What "not distinguishable" may hide: the smallest difference from the baseline that such pairs show."""
        low, high = self.first.ci95
        if self.outcome is not Outcome.OPEN or low is None or high is None:
            return ""
        smallest = figure(smallest_within(low, high), 3)
        return f" A true difference below {smallest} from the baseline is missed in more than one of five such tests."


def verdict(benchmark: str, evaluate: Evaluate, scores: Mapping[str, Any]) -> Verdict:
    """Compare on a benchmark, from metrics/sts.json; DataError where the comparison is missing."""
    score = evaluate.score_of(benchmark)
    key, theirs = _best(scores["baselines"][benchmark], score.partition("_")[2])
    rows = {one["system"]: one for one in scores.get("comparisons", {}).get(benchmark, [])}
    name = BASELINES[key]
    if name not in rows:
        raise DataError(
            f"metrics/sts.json: comparisons.{benchmark}: nothing on {name}; run the evaluate stage "
            "(dvc repro -s -f evaluate)"
        )
    best = finding(rows[name])
    return Verdict(
        benchmark,
        evaluate.use_of(benchmark),
        score,
        name,
        best.outcome,
        scores[benchmark][score],
        theirs,
        best.difference,
        best.ci95,
        [finding(one) for system, one in rows.items() if system not in BASELINES.values()],
    )


def finding(compared: Mapping[str, Any]) -> Finding:
    """One of the comparisons of metrics/sts.json."""
    return Finding(in_words(compared["system"]), compared["difference"], compared["ci95"])


def in_words(system: str) -> str:
    """What a sentence calls a system, by its name in the table."""
    return IN_WORDS.get(system, system)


def since_start(training: Mapping[str, Any]) -> Finding | None:
    """What training gained on the data that chose the weights, from metrics/train.json; None for the start's own."""
    if not training["selected_step"]:
        return None
    gain = training["gain_over_start"]
    return Finding(START, gain["difference"], gain["ci95"])


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
