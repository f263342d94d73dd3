"""The board as tables: board.parquet, comparisons.parquet and board.md."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from terna.evaluation.board.read import Unread
from terna.evaluation.board.scoring import Scored
from terna.evaluation.board.standing import Entry, Standing
from terna.evaluation.table import BASELINES, SHOWN, interval
from terna.markdown import ABSENT, Rows, figure, table
from terna.settings.benchmark import KINDS, UNITS
from terna.settings.board import MEAN, Board, Listed

# a row per figure; place and groups stand beside the one that systems are ranked by
RECORDS = pa.schema(
    [
        *((name, pa.string()) for name in ("benchmark", "system", "figure")),
        *((name, pa.float64()) for name in ("value", "low", "high")),
        *((name, pa.int64()) for name in ("units", "rank", "best_rank", "worst_rank")),
        *((name, pa.string()) for name in ("groups", "overlap", "reason")),
    ]
)
COMPARED = pa.schema(
    [
        *((name, pa.string()) for name in ("benchmark", "figure", "first", "second")),
        *((name, pa.float64()) for name in ("difference", "low", "high", "p")),
    ]
)


def records(standings: Sequence[Standing], left_out: Sequence[Unread], board: Board) -> pa.Table:
    """A row for each figure of each system on each benchmark, and one for each system or benchmark that is left out."""
    rows = [row for one in standings for entry in one.entries for row in _records(one, entry, board)]
    rows += [{**dict.fromkeys(RECORDS.names), **_named(one, board), "reason": one.reason} for one in left_out]
    return pa.Table.from_pylist(rows, schema=RECORDS)


def _named(one: Unread, board: Board) -> dict[str, str]:
    return {"benchmark" if one.name in board.benchmarks else "system": one.name}


def _records(one: Standing, entry: Entry, board: Board) -> Iterator[dict[str, object]]:
    listed, place = board.systems.get(entry.system), entry.place
    overlap = listed.overlap.get(one.benchmark) if listed else None
    for name, value in entry.figures.items():
        low, high = entry.intervals.get(name, (None, None))
        ranked = place if name == one.score else None
        yield {
            "benchmark": one.benchmark,
            "system": entry.system,
            "figure": name,
            "value": value,
            "low": low,
            "high": high,
            "units": one.units,
            "rank": ranked and ranked.rank,
            "best_rank": ranked and ranked.best,
            "worst_rank": ranked and ranked.worst,
            "groups": ranked and ranked.letters,
            "overlap": overlap,
            "reason": None,
        }


def comparisons(standings: Sequence[Standing]) -> pa.Table:
    """A row for each pair of systems on each benchmark, and in the mean."""
    rows = [
        {
            "benchmark": one.benchmark,
            "figure": one.score,
            **{name: getattr(pair, name) for name in COMPARED.names[2:]},
        }
        for one in standings
        for pair in one.compared.pairs()
    ]
    return pa.Table.from_pylist(rows, schema=COMPARED)


def title(one: Standing, board: Board) -> str:
    """What a benchmark is called, with its size and the score that systems are ranked by."""
    if one.benchmark == MEAN:
        return f"Mean over {one.units} benchmarks"
    return f"{one.benchmark}: {one.score}, {one.units} {UNITS[board.benchmarks[one.benchmark].task]}"


def ranked(one: Standing, board: Board) -> Rows:
    """The systems of a benchmark with figure, interval, rank and groups, and what is known of it in their training."""
    kinds = [name for name in _others(one, board) if name != one.score]
    header = ["system", one.score, f"{board.level:.0%} interval", "rank", "groups", *map(_shown, kinds), "overlap"]
    return header, [[*_cells(one, entry), *_more(entry, kinds), _overlap(one, entry, board)] for entry in one.entries]


def _others(one: Standing, board: Board) -> list[str]:
    """The other figures of the similarity that the benchmark is ranked by, which need no threshold."""
    if one.benchmark == MEAN:
        return []
    measure = one.score.partition("_")[0]
    task = board.benchmarks[one.benchmark].task
    return [f"{measure}_{kind}" for kind in KINDS[task] if kind not in ("accuracy", "f1")]


def _shown(name: str) -> str:
    return SHOWN[name.partition("_")[2]]


def _cells(one: Standing, entry: Entry) -> list[str]:
    place = entry.place
    span = f"{place.best} to {place.worst}" if place else ABSENT
    groups = place.letters if place else ABSENT
    return [entry.system, figure(entry.figures[one.score], 4), interval(entry.intervals[one.score], 4), span, groups]


def _more(entry: Entry, kinds: Sequence[str]) -> list[str]:
    return [figure(entry.figures[kind], 4) for kind in kinds]


def _overlap(one: Standing, entry: Entry, board: Board) -> str:
    listed = board.systems.get(entry.system)
    if listed is None:
        return "none: not trained" if entry.system in BASELINES.values() else ""
    if one.benchmark == MEAN:
        return ", ".join(each for each in board.benchmarks if each in listed.overlap)
    return listed.overlap.get(one.benchmark, "not known")


def described(systems: Mapping[str, Listed]) -> Rows:
    """What is declared of each system."""
    header = ["system", "where", "parameters, M", "licence", "year", "prompt", "trained on", "remark"]
    return header, [[name, *_described(one)] for name, one in systems.items()]


def _described(one: Listed) -> list[str]:
    pinned = f" @ {one.revision[:7]}" if one.revision else " @ main, not pinned"
    where = one.path or f"{one.hub}{pinned}"
    prompt = one.prompts.query if one.prompts else "its own"
    size, year = figure(one.parameters, 1), str(one.year or ABSENT)
    return [where, size, one.licence or ABSENT, year, prompt, one.trained_on or ABSENT, one.remark or ""]


def speeds(scored: Sequence[Scored], systems: Mapping[str, Listed]) -> Rows:
    """Size and speed of the systems that were scored: what was measured when they were."""
    header = ["system", "parameters, M", "sentences per second", "seconds", "threads", "machine"]
    return header, [[one.name, *_speed(one, systems[one.name])] for one in scored if one.timed]


def _speed(one: Scored, listed: Listed) -> list[str]:
    each = list(one.timed.values())
    seconds = sum(timed["seconds"] for timed in each)
    rate = sum(timed["sentences"] for timed in each) / seconds if seconds else None
    counted = each[0]["parameters"]
    size = counted / 1e6 if counted else listed.parameters
    where = [str(each[0][name]) for name in ("threads", "machine")]
    return [figure(size, 1), figure(rate, 0), figure(seconds, 1), *where]


def left_out(missing: Sequence[Unread]) -> Rows:
    """The systems and benchmarks that are not on the board, and why."""
    return ["left out", "reason"], [[one.name, one.reason] for one in missing]


HOW = (
    "Systems that share a letter are not distinguishable on the benchmark. On each benchmark, all pairs are compared "
    "by the largest studentized difference of {resamples:,} bootstrap resamples, so the chance of any false difference "
    "is {chance:.0%}. The intervals of all ranks are valid together. The column overlap says what is known of the "
    "benchmark in a system's training data."
)


def how(board: Board) -> str:
    """What the letters and intervals say."""
    return HOW.format(chance=1 - board.level, resamples=board.resamples)


def markdown(standings: Sequence[Standing], scored: Sequence[Scored], missing: Sequence[Unread], board: Board) -> str:
    """The board; the last section, size and speed, is the only one that another run changes."""
    parts = ["# The board", how(board)]
    for one in standings:
        parts += [f"## {title(one, board)}", table(*ranked(one, board))]
    parts += ["## Systems", table(*described(board.systems))]
    if missing:
        parts += ["## Left out", table(*left_out(missing))]
    parts += ["## Size and speed, measured", table(*speeds(scored, board.systems))]
    return "\n\n".join(parts) + "\n"
