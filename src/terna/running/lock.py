"""One process at a time in a folder: the stages there read what others of them write."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from terna.errors import BusyError

NAME = ".terna.lock"
# what launchers of several processes number them by (Lightning, torchrun, Slurm): the first of all holds the lock
RANKS = ("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "SLURM_PROCID")
# of a command that is told
LONGEST = 200


def is_first() -> bool:
    """Whether this is the first of the processes that a launcher started, or the only one."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` while the block runs; the system frees it when the process ends, however it ends.

    Raises BusyError where another process holds it, with that process, its command and since when, and where the
    folder takes no lock.
    """
    if not is_first():
        yield
        return
    from filelock import FileLock, Timeout  # a tenth of a second, which `--help` need not take

    path = folder / NAME
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"{path.resolve()}: {_holder(path)}; wait until it has ended, or end it") from error
    except OSError as error:
        raise BusyError(f"{path.resolve()}: cannot be locked ({error.strerror}); use a folder that you own") from error
    try:
        _write(path, json.dumps(_described()))
        yield
    finally:
        _write(path, "")
        lock.release()


def _write(path: Path, text: str) -> None:
    with suppress(OSError):  # a full disk, a folder that is gone: the lock holds without a word in it
        path.write_text(text, encoding="utf-8")


def _described() -> dict[str, Any]:
    command = " ".join(" ".join(sys.orig_argv[1:]).split())[:LONGEST]  # as it was typed: Hydra's words are not in it
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return {"process": os.getpid(), "command": command, "since": since}


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"process {found['process']} has worked here since {found['since']}: {found['command']}"
    except (OSError, ValueError):  # it has the lock, and has not yet said so
        return "another process works here"
