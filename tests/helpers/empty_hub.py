"""A hub that has nothing, and writes down what it is asked."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def hub() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked of it."""
    asked: list[str] = []

    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def environment(address: str, home: Path) -> dict[str, str]:
    """In which a process asks this hub, with a token and an empty cache."""
    asking = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_secret", "HF_HOME": str(home)}
    return {**os.environ, **asking, "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
