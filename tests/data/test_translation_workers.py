"""Whatever happens to a process that translates, its parent says so and leaves none behind."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from types import ModuleType

import numpy as np
import pytest

from terna.errors import ModelError

JOBS = [[[np.array([job, batch], np.int32)] for batch in range(3)] for job in range(5)]


# In the place of terna.data.translation.workers.serve. A spawned process imports this module to find them, which
# takes no time as long as nothing up here imports torch.
def echo(line: Connection, recipe: object, place: str) -> None:
    while True:
        for batch in line.recv():
            line.send([tuple(row.tolist()) for row in batch])


def die(line: Connection, recipe: object, place: str) -> None:
    line.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(line: Connection, recipe: object, place: str) -> None:
    line.recv()
    line.send(ModelError("no memory left for it"))


def hang(line: Connection, recipe: object, place: str) -> None:
    line.recv()
    line.send([(0, 0)])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(600)


@pytest.fixture
def workers() -> ModuleType:
    from terna.data.translation import workers

    return workers


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def run(workers: ModuleType, monkeypatch: pytest.MonkeyPatch, serve: object) -> list[tuple[int, list]]:
    monkeypatch.setattr(workers, "serve", serve)
    with closing(workers.outputs(JOBS, None, ["cpu", "cpu"])) as found:
        return list(found)


def test_every_batch_of_every_job_comes_back_once_and_in_its_jobs_order(
    workers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(workers, monkeypatch, echo)
    assert len(found) == 15
    for number in range(5):
        assert [batch for job, batch in found if job == number] == [[(number, place)] for place in range(3)]


def test_a_process_that_is_killed_stops_the_whole_and_is_named(
    workers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"status -9.*batch_tokens.*are kept"):
        run(workers, monkeypatch, die)


def test_what_a_process_refuses_its_parent_raises(workers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="no memory left for it"):
        run(workers, monkeypatch, refuse)


def test_ctrl_c_ends_processes_that_are_at_work(workers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "serve", hang)
    start = time.monotonic()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background starts without one
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            closing(workers.outputs(JOBS, None, ["cpu", "cpu"])) as found,
        ):
            for _ in found:
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 60


def test_a_worker_stops_at_its_batch_when_its_parent_is_gone(
    workers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[object] = []

    class Echo:
        def __init__(self, recipe: object, place: str) -> None:
            pass

        def __call__(self, rows: object) -> list:
            batches.append(rows)
            return [("", True)]

    monkeypatch.setattr(workers, "Decoder", Echo)
    monkeypatch.setattr(signal, "signal", lambda number, action: None)  # or this process would ignore Ctrl-C
    ours, theirs = multiprocessing.Pipe()
    ours.send(JOBS[0])
    ours.close()
    with workers.one_thread():
        workers.serve(theirs, None, "cpu")
    assert len(batches) == 1


def test_no_job_needs_no_process(workers: ModuleType) -> None:
    assert list(workers.outputs([], None, ["cpu", "cpu"])) == []
