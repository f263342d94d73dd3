"""The page's server: on this machine's own address alone, until Ctrl-C."""

import sys
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from terna.demo.answers import Answers
from terna.demo.handler import Handler
from terna.errors import AddressError
from terna.systems import load_system

LOOPBACK = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """Listens on a port of LOOPBACK, 0 for a free one; AddressError, which names --port, where it cannot."""

    answers: Answers  # set before the first request is taken

    def __init__(self, port: int) -> None:
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as error:
            raise AddressError(f"--port {port}: {error.strerror} on {LOOPBACK}; give another, or 0 for any") from error
        names = (LOOPBACK, "localhost")
        # a browser leaves out the port that http has anyway
        self.hosts = [f"{name}:{self.server_port}" for name in names] + ([*names] if self.server_port == 80 else [])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that has gone is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def serve(where: str, port: int) -> None:
    """Serve the page over an encoder (see `load_system`) until Ctrl-C; its address goes to standard error.

    The port is taken first: one that is in use is told before the encoder is read. Raises AddressError and ModelError.
    """
    with suppress(KeyboardInterrupt), Server(port) as server:
        server.answers = Answers(load_system(where), where)
        print(f"http://{LOOPBACK}:{server.server_port}/  (Ctrl-C ends it)", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        finally:  # a thread that computes while Python ends ends badly
            server.answers.end()
