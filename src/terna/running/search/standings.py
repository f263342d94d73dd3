"""Systems by rank, as a table and in words: what is tied with the best, and what the benchmark can show."""

from collections.abc import Sequence

from terna.markdown import ABSENT, Markdown, figure, table
from terna.metrics.standings import Standing, resolution, tied


def verdict(standings: Sequence[Standing]) -> str:
    """What is tied with the best, and how small a difference the benchmark can show."""
    shown = resolution(standings)
    told = [f"tied: {', '.join(tied(standings)) or 'none'}"]
    if shown is not None:
        told.append(f"the smallest difference that can be shown is about {shown:.4f} (80 % power)")
    return "; ".join(told)


def markdown(standings: Sequence[Standing], runs: Sequence[str]) -> Markdown:
    """A table, the best first; runs: titles of the columns of the runs' own figures, none for a single run."""
    titles = ["", "mean" if runs else "score", *runs, "below the best", "95 % interval", ""]
    return table(titles, [_row(one, place, bool(runs)) for place, one in enumerate(standings)])


def _row(one: Standing, place: int, several: bool) -> list[str]:
    own = [figure(run, 4) for run in one.runs] if several else []
    between = ABSENT if one.low is None else f"{figure(one.low, 4)} to {figure(one.high, 4)}"
    compared = [figure(one.behind, 4), between, "tied" if one.tied else ""] if place else [ABSENT, ABSENT, "best"]
    return [one.system, figure(one.mean, 4), *own, *compared]
