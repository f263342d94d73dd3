"""The plots of the page beside the forests: curves, predicted against gold, parts of a benchmark."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.stats import linregress

from terna.evaluation.diagnosis.record import Band, Part
from terna.evaluation.table import OURS
from terna.markdown import figure
from terna.release.report.blocks import Plot
from terna.release.report.contents import Curve
from terna.release.report.style import INK, LINE, MUTED, ONE, TWO
from terna.release.report.svg import plot

# more points than these are more than an eye tells apart
MOST_STEPS, MOST_PAIRS = 400, 1500


def curve(name: str, title: str, curve: Curve, columns: Mapping[str, str], label: str, mark: int | None = None) -> Plot:
    """Columns of a curve, by what they are called, over its steps; mark: the step that was kept."""
    steps, each = _thinned(curve["step"])

    def draw(axes: Axes) -> None:
        looks = [(ONE, "-", "o"), (TWO, "--", "s")]
        for (column, called), (colour, dashes, shape) in zip(columns.items(), looks, strict=False):
            marker = shape if len(steps) <= 30 else ""
            axes.plot(
                steps, _thinned(curve[column])[0], dashes, color=colour, label=called, marker=marker, markersize=4
            )
        if mark is not None:
            axes.axvline(mark, color=MUTED, linewidth=1, linestyle=":")
        if len(columns) > 1:
            axes.legend()
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))

    told = "; ".join(_course(called, curve["step"], curve[column]) for column, called in columns.items())
    notes = [f"Dotted: step {mark}, which was kept."] if mark is not None else []
    notes += [f"Each point is the mean of {each} steps."] if each > 1 else []
    return plot(name, title, f"{told}.", draw, " ".join(notes))


def _thinned(values: Sequence[float]) -> tuple[Sequence[float], int]:
    """Means of consecutive values, at most MOST_STEPS of them, and how many go into one."""
    each = math.ceil(len(values) / MOST_STEPS)
    if each <= 1:
        return values, 1
    return [float(np.mean(values[start : start + each])) for start in range(0, len(values), each)], each


def _course(called: str, steps: Sequence[float], values: Sequence[float]) -> str:
    known = [(step, value) for step, value in zip(steps, values, strict=True) if not math.isnan(value)]
    if not known:
        return f"{called}: undefined"
    (first, start), (last, end) = known[0], known[-1]
    low, high = min(value for _, value in known), max(value for _, value in known)
    return f"{called}: {start:.4g} at step {first:g}, {end:.4g} at step {last:g}, from {low:.4g} to {high:.4g}"


def scatter(
    name: str, file: str, pairs: pa.Table, measure: str, scale: Sequence[float], limits: Sequence[float]
) -> Plot:
    """The prediction of each pair of a file over its gold, Pearson's r, and the line of least squares.

    scale, limits: the ends of the axes, the same for all files of a benchmark, so that their plots can be compared.
    """
    each = math.ceil(pairs.num_rows / MOST_PAIRS)
    gold, predicted = (pairs[column].to_numpy() for column in ("gold", measure))
    fit = linregress(gold, predicted) if np.ptp(gold) and np.ptp(predicted) else None
    shown = f"r = {figure(fit.rvalue if fit else None, 3)}"

    def draw(axes: Axes) -> None:
        axes.plot(gold[::each], predicted[::each], "o", color=ONE, markersize=4, alpha=0.5, markeredgewidth=0)
        if fit:
            across = np.array([gold.min(), gold.max()])
            axes.plot(across, fit.intercept + fit.slope * across, color=TWO, linewidth=2)
        axes.set_xlim(*_padded(scale))
        axes.set_ylim(*_padded(limits))
        axes.set_xlabel("gold")
        axes.set_ylabel(measure)
        axes.set_title(f"{shown}, n = {pairs.num_rows}", loc="left", fontsize=10, color=INK)

    low, high = predicted.min(), predicted.max()
    told = (
        f"{pairs.num_rows} pairs of {file}: {measure} from {low:.3f} to {high:.3f} over gold from {gold.min():g} to "
        f"{gold.max():g}, {shown}."
    )
    note = f"Every {each}th pair is drawn." if each > 1 else ""
    return plot(name, f"{file}: predicted against gold", told, draw, note)


def _padded(limits: Sequence[float]) -> tuple[float, float]:
    low, high = limits
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin


def overlap(name: str, benchmark: str, kind: str, parts: Sequence[Part]) -> Plot:
    """The model beside the baseline where few words and where many are shared."""
    systems = {OURS: ("", ONE, "-", "o"), "TF-IDF, characters": ("baseline_", TWO, "--", "s")}

    def draw(axes: Axes) -> None:
        for called, (prefix, colour, dashes, shape) in systems.items():
            values = [_or_nan(getattr(part, f"{prefix}{kind}")) for part in parts]
            axes.plot(range(len(parts)), values, dashes, color=colour, marker=shape, label=called)
        axes.set_xticks(range(len(parts)), [f"{part.name}\nn = {part.n}" for part in parts])
        axes.axhline(0, color=LINE, linewidth=1)
        axes.set_xlim(-0.3, len(parts) - 0.7)
        axes.set_xlabel("words in common (Jaccard)")
        axes.set_ylabel(kind.title())
        axes.legend()

    told = "; ".join(
        f"{part.name}: model {figure(getattr(part, kind), 3)}, baseline {figure(getattr(part, f'baseline_{kind}'), 3)}"
        for part in parts
    )
    return plot(name, f"{benchmark}: by words in common", f"{told}.", draw)


def bands(name: str, benchmark: str, found: Sequence[Band]) -> Plot:
    """Where the model ranks each band of gold; on the diagonal it ranks it as people do."""
    known = [band for band in found if band.n]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1)
        across, up = ([_or_nan(getattr(band, key)) for band in known] for key in ("gold_rank", "predicted_rank"))
        axes.plot(across, up, "-o", color=ONE)
        for x, y, band in zip(across, up, known, strict=True):
            axes.annotate(band.name, (x, y), (-4, 6), textcoords="offset points", color=INK, ha="right")
        axes.set_xlim(-0.1, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("mean rank by people")
        axes.set_ylabel("mean rank by the model")

    told = "; ".join(
        f"gold {band.name}: {figure(band.gold_rank, 3)} by people, {figure(band.predicted_rank, 3)} by the model"
        for band in known
    )
    note = (
        "Ranks from 0, the least similar, to 1. Above the dashed line a band is held too similar, below it too little."
    )
    return plot(name, f"{benchmark}: where bands of gold are put", f"{told}.", draw, note)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
