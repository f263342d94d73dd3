"""Print DVC's experiments as one table, the best development score first.

reads   the experiments of the commit that is checked out, that commit and the workspace
does    chooses at most 12 columns: the development score, its gain over the start (n.s.: the 95 % interval of the gain
        contains zero), the main score of each benchmark, those of test first, the settings that differ, and when it ran
writes  nothing; the table in Markdown, and below it what differs and found no room

    python pipelines/table.py        or: make table
"""

from terna.running.command import command

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.ui import ui

from terna.errors import DataError
from terna.markdown import ABSENT, escape, figure
from terna.settings.differing import at, different

MOST, LONGEST = 12, 30
# always there: experiment, development, gain, when
FIXED = 4
SETTINGS, TRAINING, SCORES = "params.yaml", "metrics/train.json", "metrics/scores.json"
# where it ran and where it was logged; what is derived from other settings
ASIDE = re.compile(r"(machine|logger|fetch)\b")


@dataclass(frozen=True)
class Run:
    """An experiment; training and scores are empty where it has none yet."""

    name: str
    when: str
    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, float]]

    def score(self, benchmark: str) -> float | None:
        """The main score of a benchmark or, where that is another task's, its first."""
        found = self.scores.get(benchmark, {})
        return found.get(self.settings.get("evaluate", {}).get("main_score", ""), next(iter(found.values()), None))

    @property
    def chosen_on(self) -> str:
        """The benchmark whose score is the development score."""
        return str(self.settings.get("evaluate", {}).get("select_on", ""))

    def role(self, benchmark: str) -> str:
        """What the benchmark is for."""
        declared = self.settings.get("evaluate", {}).get("benchmarks", {}).get(benchmark, {})
        return str(declared.get("role", "development"))


@command
def main() -> None:
    header, rows, left_out = table(runs())
    ui.enable()
    ui.table([[*map(escape, row)] for row in rows], header, markdown=True)
    if left_out:
        print(f"{len(left_out)} more that differ: {', '.join(left_out)}; all columns: dvc exp show --only-changed")


def runs() -> list[Run]:
    """What DVC knows, in its order; DataError where there is no Git repository with a commit."""
    try:
        with Repo() as repo:
            baselines = repo.experiments.show(num=1)
    except DvcException as error:
        raise DataError(
            f"DVC's experiments cannot be read ({error}); they need a Git repository with a commit"
        ) from error
    found = []
    for baseline in baselines:
        found += [run(baseline)] + [run(one.revs[0], one.name) for one in baseline.experiments or []]
    return found


def run(state: Any, name: str | None = None) -> Run:
    """An experiment from DVC's record of it; one without a name is called after its commit."""
    data = state.data.dumpd() if state.data else {"params": {}, "metrics": {}, "timestamp": None}
    files = {**data["params"], **data["metrics"]}
    settings, training, scores = ((files.get(path) or {}).get("data") or {} for path in (SETTINGS, TRAINING, SCORES))
    when = f"{data['timestamp']:%Y-%m-%d %H:%M}" if data["timestamp"] else ABSENT
    called = name or state.name or re.sub(r"^([0-9a-f]{7})[0-9a-f]{33}$", r"\1", state.rev)
    return Run(called, when, settings, training, scores)


def table(found: Sequence[Run]) -> tuple[list[str], list[list[str]], list[str]]:
    """The columns' titles, the rows, the best first, and the names of what differs and found no room."""
    ranked = sorted(found, key=lambda one: one.training.get("selected_score", float("-inf")), reverse=True)
    # the one that all were chosen on has its score in a column already
    tried = dict.fromkeys(name for one in ranked for name in one.scores if name != one.chosen_on)
    tests = [name for name in tried if any(one.role(name) == "test" for one in ranked)]
    benchmarks = [*tests, *(name for name in tried if name not in tests)]
    differing = [key for key in different([one.settings for one in ranked if one.settings]) if not ASIDE.match(key)]
    room = MOST - FIXED
    shown = benchmarks[: room - min(len(differing), room // 2)]
    keys = differing[: room - len(shown)]
    header = ["experiment", "development", "gain", *shown, *keys, "when"]
    rows = [
        [
            one.name,
            figure(one.training.get("selected_score"), 4),
            gain(one.training),
            *(figure(one.score(name), 4) for name in shown),
            *(written(at(one.settings, key)) for key in keys),
            one.when,
        ]
        for one in ranked
    ]
    return header, rows, [*benchmarks[len(shown) :], *differing[len(keys) :]]


def gain(training: Mapping[str, Any]) -> str:
    """The gain of the development score over the start; DVC has no lists, so not its interval."""
    shown = figure(training.get("gain_over_start", {}).get("difference"), 4)
    return shown if training.get("better_than_start", True) else f"{shown} (n.s.)"


def written(value: Any) -> str:
    """A value in short: of a section of sections, such as `corpora`, the names."""
    if isinstance(value, Mapping) and any(isinstance(inner, Mapping) for inner in value.values()):
        text = " ".join(value)
    elif isinstance(value, Mapping):
        text = " ".join(f"{key}={inner}" for key, inner in value.items())
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


if __name__ == "__main__":
    main()
