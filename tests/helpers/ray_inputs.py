"""Ray in tests: workers that are called in this process in place of its own, and the processes of a real one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from terna.running import cluster
from terna.running.cluster import Asked, Done, Pool


def call_here(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have workers called here, the last block first; the blocks that they are given."""
    given: list[Any] = []

    def worked(some: Sequence[Any], make: Callable[..., Any], arguments: Mapping[str, Any], _: Pool) -> Iterator[Done]:
        work = make(**arguments)
        for block in reversed(some):
            given.append(block)
            yield work(block)

    @contextmanager
    def connected(asked: Asked) -> Iterator[Pool]:
        yield Pool(1, 1, 1, 0)

    monkeypatch.setattr(cluster, "imported", lambda asked: None)
    monkeypatch.setattr(cluster, "connected", connected)
    monkeypatch.setattr(cluster, "worked", worked)
    return given


def begin(program: str, tests: Path, *words: Path) -> subprocess.Popen[bytes]:
    """Start a program, which imports from the tests in a folder and from these helpers; words: its arguments."""
    paths = [str(tests), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    line = [sys.executable, "-c", program, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(line, env=environment, stderr=subprocess.PIPE)


def wait_for(command: subprocess.Popen[bytes], shards: int, work: Path, pattern: str) -> None:
    """Until there are so many shards in a folder; the test fails where the command ends before."""
    ends = time.monotonic() + 120
    while len(list(work.glob(pattern))) < shards:
        assert command.poll() is None and time.monotonic() < ends, command.stderr and command.stderr.read()
        time.sleep(0.01)


def actors(command: int) -> list[psutil.Process]:
    """The processes of a command that hold the model."""
    found = []
    for process in psutil.Process(command).children(recursive=True):
        try:
            found += [process] if "".join(process.cmdline()).startswith("ray::Map") else []
        except psutil.Error:
            continue
    return found
