"""The board as one HTML page, in the report's style."""

from collections.abc import Mapping, Sequence
from typing import Any

from terna.evaluation.board import Scored, Standing, Unread
from terna.evaluation.board.tables import described, how, left_out, ranked, speeds, title
from terna.evaluation.table import BASELINES, LEXICAL, Row, interval
from terna.markdown import Rows, figure
from terna.release.report import intervals
from terna.release.report.blocks import Block, Plots, Section, Table
from terna.release.report.page import write
from terna.settings.board import Board


def render_board(
    standings: Sequence[Standing], scored: Sequence[Scored], missing: Sequence[Unread], board: Board
) -> str:
    """The page: HTML that needs no other file and no script."""
    sections = [_section(place, one, board) for place, one in enumerate(standings)]
    sections.append(_table("systems", "Systems", described(board.systems), "tcntntttt"))
    if missing:
        sections.append(_table("left-out", "Left out", left_out(missing), "tt"))
    sections.append(_table("speed", "Size and speed, measured", speeds(scored, board.systems), "tnnnnt"))
    return write("The board", sections, gain=how(board), headlines=[_headline(one, board) for one in standings])


def _section(place: int, one: Standing, board: Board) -> Section:
    header, rows = ranked(one, board)
    marks = {row: "baseline" for row, entry in enumerate(one.entries) if entry.system in BASELINES.values()}
    table = Table(title(one, board), header, rows, "tnnnc" + "n" * (len(header) - 6) + "t", marks)
    blocks: list[Block] = [table, Plots([intervals.scores(f"board-{place}", one.benchmark, one.score, _rows(one))])]
    return Section(f"board-{one.benchmark}", one.benchmark, blocks)


def _rows(one: Standing) -> list[Row]:
    """The systems as the report's forest plot takes them."""
    sources = dict.fromkeys(BASELINES.values(), LEXICAL)
    return [
        Row(entry.system, sources.get(entry.system, "measured"), entry.figures, entry.intervals)
        for entry in one.entries
    ]


def _table(anchor: str, name: str, rows: Rows, columns: str) -> Section:
    header, cells = rows
    return Section(anchor, name, [Table(name, header, cells, columns[: len(header)])])


def _headline(one: Standing, board: Board) -> Mapping[str, Any]:
    """The best of a benchmark, and what is not distinguishable from it."""
    best = one.entries[0]
    tied = [place.system for place in one.compared.places()[1:] if place.best == 1]
    return {
        "benchmark": one.benchmark,
        "role": f"best: {best.system}",
        "findings": (),
        "score": one.score,
        "figure": figure(best.figures[one.score], 3),
        "more": f"{interval(best.intervals[one.score])}; not distinguishable from it: {', '.join(tied) or 'none'}",
    }
