"""A watch over one request: cut when too little comes, wherever the server dawdles, or headers do not end."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from terna.data.download.patience import Patience

# h11 matches lines with expressions that take the square of their length: where lines come, it gets little at once
PIECE = 4096


class Watch:
    """While entered, shuts the connection of a request down when too few bytes come in a window or time is up.

    A thread of its own, since a server that drips its headers, or a chunk's, keeps the reading one inside httpx.
    until: when time is up, on the monotonic clock. `cut` says why the connection was cut, and is empty if it was not.
    """

    def __init__(self, patience: Patience, until: float) -> None:
        self.cut = ""
        self._patience, self._until = patience, until
        self._came = 0
        self._lines, self._unparsed = True, 0
        self._socket: socket.socket | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx calls at each step of a request: tells which connection it is on, and when its headers end."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream = info["return_value"]
            self._socket = stream.get_extra_info("socket")
            self._lines, self._unparsed = True, 0
            stream.read = self._limited(stream.read)
        elif event.endswith("receive_response_headers.complete"):
            *_, headers = info["return_value"]
            # a body in chunks has a line before each
            self._lines = any(name.lower() == b"transfer-encoding" for name, _ in headers)
            self._unparsed = 0

    def _limited(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        """Read as `read` does, but httpx.ProtocolError for headers, a chunk's head or trailers that do not end."""

        def limited(max_bytes: int, timeout: float | None = None) -> bytes:
            data = read(min(max_bytes, PIECE) if self._lines else max_bytes, timeout=timeout)
            self._unparsed += len(data) if self._lines else 0
            if self._unparsed > self._patience.largest_head:
                raise httpx.ProtocolError(f"received more than {self._patience.largest_head} bytes of headers")
            return data

        return limited

    def count(self, came: int) -> None:
        """Count bytes of the body that have come."""
        self._came += came
        self._unparsed = 0

    def _run(self) -> None:
        before = 0
        while not self._over.wait(self._patience.window):
            # on connecting, the time-out is limit enough
            if self._socket is not None and (reason := self._reason(self._came - before)):
                self.cut = reason
                with contextlib.suppress(OSError):
                    # not SSLSocket's own, which would take the session from under the reading thread
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            before = self._came

    def _reason(self, came: int) -> str:
        rate, window, longest = self._patience.lowest_rate, self._patience.window, self._patience.longest
        if time.monotonic() >= self._until:
            return f"not whole after {longest:g} s"
        return f"less than {rate:g} bytes a second for {window:g} s" if came < rate * window else ""
