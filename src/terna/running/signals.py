"""Ctrl-C and SIGTERM end a command in a sentence, with the status that a shell gives for the signal."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM came: no fault, so that nothing takes it for one on its way up."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated in the block, so that files that are half written are removed."""

    def stop(number: int, frame: object) -> None:
        raise Terminated

    with _handled(stop):
        yield


def ignore_more() -> None:
    """Ignore Ctrl-C and SIGTERM from now on, in a process that is about to end for one of them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def unhandled() -> Iterator[None]:
    """SIGTERM has its default action in the block: Lightning sets its own handler, and calls one that it finds too."""
    with _handled(signal.SIG_DFL):
        yield


@contextmanager
def _handled(handler: Callable[[int, object], None] | signal.Handlers) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
