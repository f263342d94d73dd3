"""A system in several processes: chunks of texts go to them in turn, and their vectors come in the chunks' order."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, TypeVar

import torch

from terna.arrays import Vectors
from terna.errors import ModelError
from terna.running.process import settle
from terna.serving.cli.encoding import EncodeAll, encode_all, vectors_of
from terna.settings.devices import Precision
from terna.systems import System, load_system

Found = TypeVar("Found")

# of a process that encodes
_system: System


@contextmanager
def spread(
    system: System, where: str, devices: Sequence[str], precision: Precision, prompt: str | None
) -> Iterator[EncodeAll]:
    """What encodes chunk after chunk: `system`, or with several devices a process on each that loads `where` again.

    Raises ModelError when a process dies.
    """
    if len(devices) == 1:
        yield encode_all(system, prompt)
        return
    threads = max(1, torch.get_num_threads() // len(devices))
    with ExitStack() as stack:
        pools = [
            ProcessPoolExecutor(1, get_context("spawn"), _load, (where, device, precision, threads))
            for device in devices
        ]
        for pool in pools:
            stack.callback(pool.shutdown, cancel_futures=True)
        yield lambda chunks: _in_order(pools, chunks, prompt)


def _in_order(
    pools: Sequence[ProcessPoolExecutor], chunks: Iterable[list[str]], prompt: str | None
) -> Iterator[Vectors]:
    """Each chunk's vectors; of what is read ahead, two chunks a process are held."""
    ahead: deque[Future[Vectors]] = deque()
    for number, texts in enumerate(chunks):
        ahead.append(_asked(pools[number % len(pools)].submit, _encode, texts, prompt))
        if len(ahead) == 2 * len(pools):
            yield _asked(ahead.popleft().result)
    while ahead:
        yield _asked(ahead.popleft().result)


def _asked(ask: Callable[..., Found], *given: Any) -> Found:
    try:
        return ask(*given)
    except BrokenProcessPool as error:
        raise ModelError(
            "a process that encodes has died, for lack of memory or by a signal; give fewer --processes"
        ) from error


def _load(where: str, device: str, precision: Precision, threads: int) -> None:
    """Prepare a process that encodes: it ends with the one that began it."""
    global _system
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too, and the other one ends it
    Thread(target=_end_with_parent, daemon=True).start()
    settle()
    torch.set_num_threads(threads)
    _system = load_system(where, device, precision)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _encode(texts: list[str], prompt: str | None) -> Vectors:
    return vectors_of(_system, texts, prompt)
