"""The board: every system of conf/systems/ on every benchmark of conf/benchmarks/ that conf/board.yaml names.

reads   conf/board.yaml; the files of the benchmarks, from their addresses or the mirror folder in TERNA_MIRROR; the
        systems, from the hub or its cache, a folder or an installed package
does    scores each system on each benchmark; computes intervals, compares all pairs, and forms groups of ties. A system
        that was scored before is not scored again, unless its files, its prompts or the benchmark changed. What cannot
        be had is left out, and the board says why
writes  board/board.md, board/board.parquet (each score), board/comparisons.parquet (each pair), reports/board.html, and
        board/predictions/<benchmark>/<system>.parquet with .json, how long it took; board/raw/, the benchmarks' files

    python pipelines/board.py                                          all of them; or: make board
    python pipelines/board.py 'systems=[minilm]' 'benchmarks=[sts2015_es]'
    python pipelines/board.py +systems.ours.path=models/encoder        your own beside them

The exit status is 0 if at least one system was scored on one benchmark; with --strict only if nothing was left out.
"""

from terna.running.command import worded
from terna.running.process import settle

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from terna.data.download import from_environment
from terna.errors import DataError
from terna.records import replacing, write_text
from terna.settings import compose
from terna.settings.board import Board, load_board
from terna.settings.devices import AUTO, device_of

if TYPE_CHECKING:
    from terna.evaluation.board import Scored, Standing, Unread, Used

OUT = Path("board")
PREDICTIONS, RAW = OUT / "predictions", OUT / "raw"
PAGE = Path("reports/board.html")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="key=value or group=[option,…], in Hydra's grammar")
    parser.add_argument("--strict", action="store_true", help="status 1 if a system or benchmark was left out")
    parser.add_argument("--device", default=AUTO, help="auto, cuda, cuda:N, mps or cpu (auto: the strongest)")


@worded(arguments)
def main(given: argparse.Namespace) -> str:
    settle()
    board = load_board(compose(Path("conf"), given.overrides, "board"))
    device = device_of(given.device, "--device")
    # torch and scikit-learn take seconds to import: what can fail before them has failed
    from terna.evaluation.board import Unread, read_benchmarks, score

    benchmarks, missing = read_benchmarks(board, RAW, mirror=from_environment(), progress=False, tell=tell)
    if not benchmarks:
        raise DataError(f"board: none of {', '.join(board.benchmarks)} is available; see above, and set TERNA_MIRROR")
    every = [
        score(name, listed, benchmarks, PREDICTIONS, device=device, tell=tell) for name, listed in board.systems.items()
    ]
    scored = [one for one in every if one.reason is None]
    missing += [Unread(one.name, one.reason) for one in every if one.reason is not None]
    write(ranked(benchmarks, scored, board), scored, missing, board)
    told = f"{len(scored)} systems on {len(benchmarks)} benchmarks, {sum(one.fresh for one in scored)} scored now"
    said = f"{told}; {len(missing)} left out: {OUT / 'board.md'}, {PAGE}"
    if missing and given.strict:
        raise DataError(f"board: {said}; without --strict this is not an error")
    if not scored:
        raise DataError(f"board: {said}; no system is available")
    return said


def tell(progress: str) -> None:
    print(progress, flush=True)


def ranked(benchmarks: "Mapping[str, Used]", scored: "Sequence[Scored]", board: Board) -> "list[Standing]":
    """The mean over benchmarks, where there are several, then each benchmark."""
    from terna.evaluation.board import lexical, mean, standing

    evaluators = {name: used.evaluator for name, used in benchmarks.items()}
    baselines, found = lexical(evaluators), []
    for name, evaluator in evaluators.items():
        tell(f"{name}: {board.resamples:,} resamples")
        systems = {one.name: one.outcomes[name] for one in scored}
        found.append(standing(evaluator, systems, baselines[name], board))
    return [mean(found, board), *found] if len(found) > 1 else found


def write(
    standings: "Sequence[Standing]", scored: "Sequence[Scored]", missing: "Sequence[Unread]", board: Board
) -> None:
    from terna.evaluation.board import comparisons, markdown, records
    from terna.release.report.board import render_board

    write_table(records(standings, missing, board), OUT / "board.parquet")
    write_table(comparisons(standings), OUT / "comparisons.parquet")
    write_text(markdown(standings, scored, missing, board), OUT / "board.md")
    write_text(render_board(standings, scored, missing, board), PAGE)


def write_table(table: pa.Table, path: Path) -> None:
    with replacing(path) as beside:
        pq.write_table(table, beside, compression="zstd")


if __name__ == "__main__":
    main()
