"""The demo's server in a thread, and requests to it that a browser would not send."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from terna.encoder import Usage
from terna.serving.demo.answers import Answers
from terna.serving.demo.server import Server
from terna.systems import System

JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    """What came back: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def found(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class Stub:
    """A system whose vectors a test writes."""

    def __init__(self, vector: Callable[[str], Sequence[float]]) -> None:
        self.vector = vector
        self.usage = Usage()

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Any:
        return np.array([self.vector((prompt or "") + text) for text in texts], np.float32)


@contextmanager
def served(
    system: System, name: str = "un/modelo", evaluated: dict[str, Any] | None = None, site: str | None = None
) -> Iterator[Server]:
    """The page's server on a free port until the block ends."""
    with Server(0, site) as server:
        server.answers = Answers(system, name, evaluated, local=site is None)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def send(
    server: Server, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """A request with these headers, and a Host that is right unless they have one."""
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    line.request(method, path, body=body, headers={"Host": server.hosts[0], **(headers or {})})
    answer = line.getresponse()
    found = Answer(answer.status, dict(answer.getheaders()), answer.read())
    line.close()
    return found


def post(server: Server, path: str, asked: object, **headers: str) -> Answer:
    """A question as the page asks it."""
    return send(server, "POST", path, json.dumps(asked).encode(), JSON | headers)


def upload(server: Server, name: str, text: str) -> str:
    """Send a file, wait until all of it has vectors, and return what it is asked for by."""
    found = post(server, "/api/file", {"name": name, "text": text}).found
    return ready(server, found["id"])


def ready(server: Server, key: str) -> str:
    """Wait for a file, half a minute at most."""
    for _ in range(3000):
        found = post(server, "/api/state", {"id": key}).found
        assert "error" not in found, found
        if found["ready"]:
            return key
        time.sleep(0.01)
    raise AssertionError(f"not ready: {found}")
