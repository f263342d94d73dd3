"""Jobs spread over processes or devices; whatever happens to one, none is left behind."""

import multiprocessing
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import torch

from terna.arrays import Ints
from terna.data.translation.decoder import Decoder, Output, Recipe, one_thread
from terna.errors import ModelError, TernaError

# batches of sentences, each sentence as its token ids
Job = Sequence[Sequence[Ints]]


class Worker(NamedTuple):
    """A process that translates, and the connection to it."""

    process: BaseProcess
    line: Connection


def outputs(
    jobs: Sequence[Job], recipe: Recipe, places: Sequence[str]
) -> Generator[tuple[int, list[Output]], None, None]:
    """What becomes of each batch, with its job's number: the batches of one job in order, the jobs as they come.

    places: a device for each process; with one, the work is done in this process. Raises ModelError when the model
    cannot be loaded, memory does not suffice, or a process dies; close the iterator to end the processes.
    """
    places = places[: len(jobs)]
    if len(places) > 1:
        yield from _spread(jobs, recipe, places)
    elif places:
        with one_thread():
            decoder = Decoder(recipe, places[0])
            for number, job in enumerate(jobs):
                for batch in job:
                    yield number, decoder(batch)


def _spread(
    jobs: Sequence[Job], recipe: Recipe, places: Sequence[str]
) -> Generator[tuple[int, list[Output]], None, None]:
    waiting = iter(enumerate(jobs))
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(recipe, place)) for place in places]
        busy: dict[Connection, tuple[Worker, int, int]] = {}
        for worker, (number, job) in zip(workers, waiting, strict=False):
            busy[worker.line] = _hand(worker, number, job)
        while busy:
            ready = set(wait(list(busy)))
            for line in [line for line in busy if line in ready]:
                worker, number, left = busy.pop(line)
                yield number, _take(worker)
                if left > 1:
                    busy[worker.line] = worker, number, left - 1
                elif further := next(waiting, None):
                    busy[worker.line] = _hand(worker, *further)


@contextmanager
def _worker(recipe: Recipe, place: str) -> Iterator[Worker]:
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork, nor do torch's threads
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, recipe, place), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Worker(process, ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _hand(worker: Worker, number: int, job: Job) -> tuple[Worker, int, int]:
    """Give a worker a job; returns the worker, the job's number, and how many batches will come back."""
    try:
        worker.line.send(list(job))
    except OSError as error:
        raise _died(worker) from error
    return worker, number, len(job)


def _take(worker: Worker) -> list[Output]:
    try:
        message: list[Output] | TernaError = worker.line.recv()
    except (EOFError, OSError) as error:
        raise _died(worker) from error
    if isinstance(message, TernaError):
        raise message
    return message


def _died(worker: Worker) -> ModelError:
    worker.process.join()
    return ModelError(
        f"a process that translates ended with status {worker.process.exitcode}: -9 means that memory ran out (lower "
        "translate.model.batch_tokens or machine.workers), for others its message is printed above; finished "
        "translations are kept, so run the stage again"
    )


def serve(line: Connection, recipe: Recipe, place: str) -> None:
    """A worker's life: jobs come, each batch's outputs go back at once; it ends when nobody is at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    torch.set_num_threads(1)
    try:
        decoder = Decoder(recipe, place)
        while True:
            for batch in line.recv():
                line.send(decoder(batch))
    except (EOFError, ConnectionError):
        return
    except TernaError as error:
        line.send(error)
