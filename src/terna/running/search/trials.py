"""The trials of a search, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from terna.markdown import ABSENT, code, escape, figure, table


@dataclass(frozen=True)
class Trial:
    """A run of a search: what was set, the development score that it reached at which step, or why it failed."""

    number: int
    words: list[str]
    score: float | None
    step: int | None
    failed: str | None


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best first, the earlier of equals; those that failed last."""
    return sorted(trials, key=lambda one: (one.score is None, -(one.score or 0.0), one.number))


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The one with the highest score; None when all have failed."""
    return next((one for one in ranked(trials) if one.score is not None), None)


def markdown(name: str, chosen_on: str, trials: Sequence[Trial]) -> str:
    """Every trial, the best first, how to run the pipeline with its settings, and why others failed."""
    keys = [word.partition("=")[0] for word in trials[0].words] if trials else []
    titles = ["trial", "score", "step", *map(code, keys)]
    count = f"{len(trials)} trial{'' if len(trials) == 1 else 's'}"
    blocks = [f"**Search {name}**: {count}, by {chosen_on}", table(titles, map(_row, ranked(trials)))]
    if best := best_of(trials):
        words = " ".join(f"-S '{word}'" for word in best.words)
        blocks.append(
            f"The best trial, to be added to the settings that the search started from: {code(words)}. Its score is "
            f"the best of {count} on these very pairs and promises too much: how good the settings are, only a "
            "benchmark says that chose nothing."
        )
    blocks += [f"Trial {one.number} failed: {escape(one.failed)}" for one in trials if one.failed]
    return "\n\n".join(blocks) + "\n"


def _row(one: Trial) -> list[str]:
    step = ABSENT if one.step is None else str(one.step)
    return [str(one.number), figure(one.score, 4), step, *(word.partition("=")[2] for word in one.words)]
