"""A watch over one connection: cut when too little comes, wherever the server dawdles."""

import contextlib
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from terna.data.download.patience import Patience


class Watch:
    """While entered, shuts the connection of a request down when fewer than the lowest rate's bytes come in a window.

    A thread of its own, since a server that drips its headers, or a chunk's, keeps the reading one inside httpx.
    """

    def __init__(self, patience: Patience) -> None:
        self.slow = False
        self._window = patience.window
        self._least = patience.lowest_rate * patience.window
        self._came = 0
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
        """What httpx calls at each step of a request: tells which socket it is on."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def count(self, came: int) -> None:
        """Count bytes of the body that have come."""
        self._came += came

    def _run(self) -> None:
        before = 0
        while not self._over.wait(self._window):
            # on connecting, the time-out is limit enough
            if self._socket is not None and self._came - before < self._least:
                self.slow = True
                with contextlib.suppress(OSError):
                    # not SSLSocket's own, which would take the session from under the reading thread
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            before = self._came
