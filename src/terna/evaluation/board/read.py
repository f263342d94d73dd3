"""The board's benchmarks, fetched and read, or why one of them cannot be."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus
from terna.data.evaluators import Evaluator, read_evaluator
from terna.errors import DataError, DownloadError, words_of
from terna.records import read_record
from terna.settings import Benchmark
from terna.settings.board import Board


@dataclass(frozen=True)
class Used:
    """A benchmark that is ready to be scored; digest: of its files, and of how they are read."""

    evaluator: Evaluator
    digest: str


@dataclass(frozen=True)
class Unread:
    """A benchmark, or a system, that is left out, and why."""

    name: str
    reason: str


def read_benchmarks(
    board: Board, raw: Path, *, mirror: Path | None, progress: bool, tell: Callable[[str], None]
) -> tuple[dict[str, Used], list[Unread]]:
    """Fetch the files of each benchmark into raw/<name>, and read them; those that cannot be had are in the second."""
    found, missing = {}, []
    for name, declared in board.benchmarks.items():
        folder = raw / name
        try:
            more = declared.reading
            fetch_corpus(declared, folder, mirror=mirror, check=check_file, progress=progress, more=more)
            found[name] = Used(read_evaluator(name, board.evaluate, raw), _digest(declared, folder))
        except (DownloadError, DataError) as error:
            missing.append(Unread(name, words_of(error)))
            tell(f"{name}: left out: {words_of(error)}")
    return found, missing


def _digest(declared: Benchmark, folder: Path) -> str:
    """Of the bytes that were fetched, and of what of the declaration says how they are read."""
    files = read_record(folder / "fetched.json", {"sha256": dict[str, str]}, "fetch again")["sha256"]
    how = [declared.format, declared.language, declared.role, declared.scale, declared.reading]
    members = [file.members for file in declared.files]
    return hashlib.sha256(json.dumps([files, how, members], sort_keys=True).encode()).hexdigest()
