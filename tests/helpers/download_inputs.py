"""What the tests of the downloads talk to: a server on loopback that breaks off, lies and dawdles as it is told."""

import hashlib
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from terna.data.download import Patience, fetch
from terna.errors import DownloadError

BODY = random.Random(20220401).randbytes(200_000)
NEWER = random.Random(20220402).randbytes(200_000)
HTML = b"<!DOCTYPE html>\n<html><body>We have moved</body></html>"
OTHER = b"other bytes"
HALF = 100_000
MODIFIED = "Fri, 01 Apr 2022 10:00:00 GMT"

# for tests of what is done, not of when: no limit of time is near
QUICK = Patience(attempts=3, headway=1 << 20, backoff=0.01, longest_wait=0.05, stall=20, window=20, largest=1 << 20)
# for tests of when
HASTY = Patience(attempts=2, backoff=0.01, stall=0.4, lowest_rate=100_000, window=0.4, largest=1 << 20)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class Site(ThreadingHTTPServer):
    """`pages`: a function a path, called with the answer to make and how often the path was asked for before.

    asked, ranges, versions, encodings: the path and the headers Range, If-Range and Accept-Encoding of each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.pages: dict[str, Callable[[Answer, int], None]] = {}
        self.asked: list[str] = []
        self.ranges: list[str | None] = []
        self.versions: list[str | None] = []
        self.encodings: list[str | None] = []
        self.over = threading.Event()
        self.root = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is expected here."""


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        before = self.server.asked.count(self.path)
        self.server.asked.append(self.path)
        self.server.ranges.append(self.headers["Range"])
        self.server.versions.append(self.headers["If-Range"])
        self.server.encodings.append(self.headers["Accept-Encoding"])
        self.server.pages.get(self.path, lambda answer, _: answer.head(404, length=0))(self, before)

    def head(self, status: int, *, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            headers["content_length"] = str(length)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.head(status, length=len(body), **headers)
        self.wfile.write(body)

    def serve(
        self,
        body: bytes,
        *,
        etag: str | None = '"1"',
        modified: str | None = None,
        ranges: bool = True,
        heeds: bool = True,
        says_length: bool = True,
        upto: int | None = None,
        pause: float = 0.0,
    ) -> None:
        """Answer as a good server does, but for this.

        ranges: whether it knows them; heeds: whether it looks at If-Range; upto: reset before this byte of the body;
        pause: seconds after each 4,000 bytes.
        """
        names = {"etag": etag, "last_modified": modified, "accept_ranges": "bytes" if ranges else None}
        headers = {name: value for name, value in names.items() if value}
        first, asked, version = 0, self.headers["Range"], self.headers["If-Range"]
        if asked and ranges and (not heeds or version in (None, etag, modified)):
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(body):
                self.head(416, length=0, content_range=f"bytes */{len(body)}")
                return
            headers["content_range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        rest = body[first:]
        self.head(206 if "content_range" in headers else 200, length=len(rest) if says_length else None, **headers)
        self.pour(body[first:upto], pause)
        if upto is not None:
            self.reset()

    def pour(self, body: bytes, pause: float) -> None:
        for start in range(0, len(body), 4000):
            self.wfile.write(body[start : start + 4000])
            if pause and self.server.over.wait(pause):
                return

    def reset(self) -> None:
        """Send a reset, once the other side has had time to read what was sent."""
        self.server.over.wait(0.1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def hosted() -> Iterator[Site]:
    """A site that answers until the block ends."""
    with mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}), Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        site.over.set()
        site.shutdown()
        thread.join()


def get(site: Site, target: Path, page: Callable[[Answer, int], None], **more: Any) -> str:
    site.pages["/corpus.bin"] = page
    given: dict[str, Any] = {"patience": QUICK, **more}
    return fetch([f"{site.root}/corpus.bin"], [digest(BODY)], target, **given)


def refused(site: Site, target: Path, page: Callable[[Answer, int], None], **more: Any) -> str:
    """The error's one line about the address; makes sure that nothing is left."""
    message = kept(site, target, page, **more)
    assert left(target.parent) == []
    return message


def kept(site: Site, target: Path, page: Callable[[Answer, int], None], **more: Any) -> str:
    with pytest.raises(DownloadError) as caught:
        get(site, target, page, **more)
    assert not target.exists()
    heading, line = str(caught.value).splitlines()
    assert heading == "corpus.bin could not be fetched:"
    assert line.startswith(f"  {site.root}/corpus.bin: ")
    return line


def arrived(target: Path, body: bytes = BODY) -> bool:
    return (
        target.read_bytes() == body and left(target.parent) == [target.name] and left(target.parent.parent) == ["raw"]
    )


def broken_off(site: Site, target: Path, **more: Any) -> None:
    """Leave half of BODY beside the target, as a call that was given up leaves it."""
    kept(site, target, lambda answer, _: answer.serve(BODY, upto=HALF), patience=replace(QUICK, attempts=1), **more)
    assert target.with_name(".corpus.bin.part").read_bytes() == BODY[:HALF]
    site.asked.clear()
    site.ranges.clear()
