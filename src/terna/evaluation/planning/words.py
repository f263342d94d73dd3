"""A plan in a table and in sentences."""

from math import isfinite

from terna.evaluation.planning.plan import Plan, Planned
from terna.evaluation.planning.seeds import Seeds
from terna.markdown import ABSENT, figure, table
from terna.metrics.power import POWER, Design


def markdown(planned: Planned, difference: float | None) -> str:
    """What a benchmark can show, a row a score and system; difference: for which power and sizes are told, if any."""
    counted = planned.seeds.counted
    header = ["this model against", "score", "difference on record", "standard error", "smallest difference shown"]
    header += ["false alarms"] if counted else []
    if difference is not None:
        header += [f"power at {difference:g}", f"can show {difference:g}", f"distinct {planned.unit} needed"]
        header += ["runs needed"] if counted else []
    title = f"**{planned.benchmark}** ({planned.units} {planned.unit}, {planned.clusters} of them distinct)"
    return f"{title}\n\n{table(header, [_row(one, difference, counted) for one in planned.plans])}\n"


def explained(seeds: Seeds, *, both: bool) -> str:
    """What the columns mean and take for granted; both: both models were trained."""
    told = [
        "The paired bootstrap (two-sided, .05) finds the smallest difference shown in "
        f"{100 * POWER:.0f} % of experiments, and misses smaller ones more often.",
        "The standard error is that of the two systems on record. It is smaller for systems that agree more.",
    ]
    if not seeds.counted:
        return " ".join([*told, "Seeds are not counted: give --seeds or --seed-sd to plan for settings, not weights."])
    varied = "both models" if both else "this model"
    runs = "1 run" if seeds.runs == 1 else f"the mean of {seeds.runs} runs"
    told.append(
        f"Seeds are counted for {varied}, {runs} each. Power and sizes are those of a test that counts seeds. The "
        "bootstrap does not count them: false alarms are how often it calls equally good settings different."
    )
    return " ".join(told)


def _row(one: Plan, difference: float | None, counted: bool) -> list[str]:
    told = [one.system, one.score, figure(one.difference, 4)]
    if one.design is None:
        width = 2 + counted + (0 if difference is None else 3 + counted)
        return [*told, *[ABSENT] * width]
    smallest = one.design.smallest()
    told += [figure(one.error, 4), figure(smallest, 4) if isfinite(smallest) else "none"]
    told += [figure(one.design.detected(0), 2)] if counted else []
    return told if difference is None else told + _at(difference, one.design, counted)


def _at(difference: float, design: Design, counted: bool) -> list[str]:
    power = design.power(difference)
    told = [figure(power, 2), "yes" if power >= POWER else "no", _whole(design.clusters_needed(difference))]
    return [*told, *([_whole(design.runs_needed(difference))] if counted else [])]


def _whole(count: float) -> str:
    return f"{count:,.0f}" if isfinite(count) else "none is enough"
