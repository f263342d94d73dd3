"""Forest plots: the scores of systems, and how far this model is from each of the others."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from terna.evaluation.table import OURS, Row
from terna.evaluation.verdict import Finding, Outcome
from terna.markdown import figure
from terna.release.report.blocks import Plot
from terna.release.report.style import INK, MUTED, ONE, PAPER, TWO
from terna.release.report.svg import plot

LONGEST_NAME = 28
COLOURS = {Outcome.BETTER: ONE, Outcome.WORSE: TWO, Outcome.OPEN: MUTED}
# the least share of the axis on either side of zero, so that both can be labelled
SIDE = 0.2


def scores(name: str, benchmark: str, score: str, systems: Sequence[Row]) -> Plot:
    """Each system's main score, with its interval where there is one; what is undefined is left out."""
    known = [(system, value) for system in systems if (value := system.figures.get(score)) is not None]

    def draw(axes: Axes) -> None:
        for place, (system, value) in enumerate(reversed(known)):
            colour = ONE if system.name == OURS else MUTED
            _line(axes, place, system.ci95.get(score) or (None, None), colour)
            face = PAPER if _reported(system) else colour
            axes.plot(value, place, "o", color=colour, markerfacecolor=face, markersize=6)
        _name(axes, [system.name for system, _ in reversed(known)])
        axes.set_xlabel(score)

    told = "; ".join(_with_interval(system, value, score) for system, value in known) or "no figure is defined"
    note = "Dot: the figure; line: its 95 % interval."
    if any(_reported(system) for system, _ in known):
        note = f"{note} Hollow: reported by others, not measured."
    return plot(name, f"{score} on {benchmark}", f"{told}.", draw, note, _height(len(known)))


def differences(name: str, benchmark: str, score: str, found: Sequence[Finding]) -> Plot:
    """This model's score minus that of each other system, with the intervals, zero marked; undefined: left out."""
    known = [(one, one.difference) for one in found if one.difference is not None]
    ends = [0.0, *(end for one, value in known for end in (value, *one.ci95) if end is not None)]
    low, high = min(ends), max(ends)
    side = SIDE * (high - low) or 1.0
    limits = min(low - side / 4, -side), max(high + side / 4, side)

    def draw(axes: Axes) -> None:
        axes.axvspan(0, limits[1], color=ONE, alpha=0.1, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1.2)
        for place, (one, value) in enumerate(reversed(known)):
            colour = COLOURS.get(one.outcome, MUTED)
            _line(axes, place, one.ci95, colour)
            axes.plot(value, place, "o", color=colour, markersize=6)
        _name(axes, [one.other for one, _ in reversed(known)])
        axes.set_xlim(*limits)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.set_xlabel(f"difference in {score}")
        for shift, end, word in ((-4, "right", "← worse"), (4, "left", "better →")):
            at = axes.get_xaxis_transform()
            axes.annotate(word, (0, 1), (shift, 3), at, "offset points", ha=end, va="bottom", color=MUTED)

    told = "; ".join(one.words() for one, _ in known) or "no difference is defined"
    note = (
        "This model minus each other system, on the same pairs or queries, with 95 % intervals. An interval that "
        "crosses zero: not distinguishable."
    )
    return plot(name, f"This model against the others on {benchmark}", f"{told}.", draw, note, _height(len(known), 0.2))


def _line(axes: Axes, place: int, bounds: Sequence[float | None], colour: str) -> None:
    low, high = bounds
    if low is not None and high is not None:
        axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="round")


def _name(axes: Axes, names: Sequence[str]) -> None:
    """A line for each name, the first at the bottom."""
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.tick_params(axis="y", labelcolor=INK, length=0)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="y", visible=False)


def _height(rows: int, more: float = 0) -> float:
    return 0.75 + more + 0.34 * max(1, rows)


def _reported(system: Row) -> bool:
    return system.source.startswith("reported")


def _with_interval(system: Row, value: float, score: str) -> str:
    low, high = system.ci95.get(score) or (None, None)
    bounds = "" if low is None else f" ({figure(low, 3)} to {figure(high, 3)})"
    return f"{system.name}: {figure(value, 3)}{bounds}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
