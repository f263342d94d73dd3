"""A forest plot of systems' figures as a picture of its own, for pages without a style sheet of ours: README."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from terna.release.report.style import RC

# of text and of the grid, by the page's mode
MODES = {"light": ("#1f2328", "#d8dee4"), "dark": ("#e6edf3", "#3d444d")}
# what each kind is called, and its colour, which is seen on light and dark pages
KINDS = {
    "baseline": ("lexical baseline", "#8c959f"),
    "published": ("published figure, interval unknown", "#bf8700"),
    "start": ("encoder before training", "#4493f8"),
    "trained": ("trained by terna", "#2da44e"),
}


@dataclass(frozen=True)
class Row:
    """A system: what it is (of KINDS), its figure, and the interval around it, None where that is not known.

    Raises ValueError for a kind that is not known, and for a figure outside its interval.
    """

    name: str
    kind: str
    value: float
    interval: tuple[float, float] | None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r}; allowed are {', '.join(KINDS)}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.name}: {self.value} is not between {self.low} and {self.high}")

    @property
    def low(self) -> float:
        """The interval's lower end, or the figure."""
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        """The interval's upper end, or the figure."""
        return self.interval[1] if self.interval else self.value


def forest(title: str, rows: Sequence[Row], mode: str) -> str:
    """The plot as SVG for a page of this mode, a line for each row, the first at the top; the same bytes each time."""
    ink, grid = MODES[mode]
    colours = dict.fromkeys(("text.color", "xtick.labelcolor", "ytick.labelcolor", "legend.labelcolor"), ink)
    own: dict[Any, Any] = RC | {"svg.fonttype": "path", "svg.hashsalt": "terna", "grid.color": grid}
    with rc_context(own | colours):
        figure = Figure(figsize=(8, 0.34 * len(rows) + 1.4), layout="constrained")
        axes = figure.subplots()
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(title, loc="left", fontsize=11)
        axes.grid(visible=False, axis="y")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        shown = [KINDS[kind] for kind in KINDS if any(row.kind == kind for row in rows)]
        marks = [Line2D([], [], color=colour, marker="o") for _, colour in shown]
        figure.legend(marks, [name for name, _ in shown], loc="outside lower center", ncols=len(shown), fontsize=9)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return written.getvalue()


def _draw(axes: Axes, place: int, row: Row) -> None:
    colour = KINDS[row.kind][1]
    axes.hlines(place, row.low, row.high, color=colour, linewidth=2.4)
    axes.plot(row.value, place, marker="o" if row.interval else "D", color=colour)
    axes.text(1.01, place, f"{row.value:.3f}", transform=axes.get_yaxis_transform(), va="center")
