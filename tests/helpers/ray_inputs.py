"""Ray in tests: workers that are called in this process in place of its own, and the processes of a real one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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


def actors(command: int) -> list[psutil.Process]:
    """The processes of a command that hold the model."""
    found = []
    for process in psutil.Process(command).children(recursive=True):
        try:
            found += [process] if "".join(process.cmdline()).startswith("ray::Map") else []
        except psutil.Error:
            continue
    return found
