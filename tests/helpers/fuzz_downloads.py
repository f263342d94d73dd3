"""Servers that hypothesis writes: whatever they send, a fetch ends in the right file or a DownloadError, and soon.

    python tests/helpers/fuzz_downloads.py 3600

The argument is for how many seconds to go on. A finding is shrunk, printed as the `Reply`s that lead to it, and ends
the run; what hypothesis keeps in .hypothesis/ makes the next run begin with it.
"""

import gzip
import resource
import socketserver
import string
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from download_inputs import BODY, HTML, MODIFIED, NEWER, digest, left
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from terna.data.download import Patience, fetch
from terna.errors import DownloadError

WHOLE = BODY[:30_000]
OTHER = NEWER[:30_000]
BOMB = gzip.compress(bytes(32 << 20))
# each limit is reached in an example; a stall and a drip cost about a second
SHORT = Patience(
    attempts=3,
    backoff=0.001,
    longest_wait=0.01,
    stall=0.4,
    lowest_rate=20_000,
    window=0.4,
    longest=2,
    largest=1 << 20,
    redirects=5,
)
LONGEST = 10.0
"""Seconds of a fetch; those above take 5 at most, on a machine that is not busy."""
LARGEST = 6 << 20
"""Bytes that a fetch may hold at a time."""


@dataclass(frozen=True)
class Reply:
    """What a connection sends: `head` and `body`, `again` so many `times`, `pause` seconds apart, then how it ends."""

    head: bytes
    body: bytes = b""
    again: bytes = b""
    times: int = 0
    pause: float = 0.0
    end: str = "close"


@dataclass(frozen=True)
class Honest:
    """The right answer to the request, of which `upto` bytes come."""

    etag: str | None = '"1"'
    upto: int | None = None


class Hostile(socketserver.ThreadingTCPServer):
    """Sends the n-th reply to the n-th connection for /hostile, the last one ever after; /good is the file."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.replies: Sequence[Reply | Honest] = [Honest()]
        self.asked: list[str] = []
        self.sent = 0
        self.root = f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, replies: Sequence[Reply | Honest]) -> None:
        self.replies, self.asked, self.sent = replies, [], 0

    def reply(self, path: str) -> Reply | Honest:
        self.asked.append(path)
        turn = self.asked.count(path) - 1
        return self.replies[min(turn, len(self.replies) - 1)] if path.startswith("/hostile") else Honest()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is expected here."""


class Connection(socketserver.BaseRequestHandler):
    server: Hostile

    def handle(self) -> None:
        self.request.settimeout(5)
        asked = b""
        while b"\r\n\r\n" not in asked:
            came = self.request.recv(65536)
            if not came:
                return
            asked += came
        words = asked.split(b"\r\n")[0].decode("latin-1").split()
        reply = self.server.reply(words[1] if len(words) > 1 else "/hostile")
        self._send(reply if isinstance(reply, Reply) else answered(reply, asked))

    def _send(self, reply: Reply) -> None:
        port = str(self.server.server_address[1]).encode()
        self._put(reply.head.replace(b"{port}", port))
        self._put(reply.body)
        for _ in range(reply.times):
            self._put(reply.again)
            if reply.pause:
                time.sleep(reply.pause)
        while reply.end == "hold" and self.request.recv(65536):
            pass

    def _put(self, data: bytes) -> None:
        self.request.sendall(data)
        self.server.sent += len(data)


def answered(honest: Honest, asked: bytes) -> Reply:
    """As a good server answers, with ranges."""
    fields = dict(line.lower().split(b": ", 1) for line in asked.split(b"\r\n")[1:] if b": " in line)
    etag = honest.etag.encode() if honest.etag else None
    start = 0
    if fields.get(b"range", b"").endswith(b"-") and fields.get(b"if-range") in (None, etag):
        start = int(fields[b"range"].removeprefix(b"bytes=").removesuffix(b"-"))
    names = b"accept-ranges: bytes\r\n" + (b"etag: %s\r\n" % etag if etag else b"")
    if start >= len(WHOLE):
        return Reply(b"HTTP/1.1 416 x\r\ncontent-range: bytes */%d\r\ncontent-length: 0\r\n\r\n" % len(WHOLE))
    status = b"HTTP/1.1 206 x\r\ncontent-range: bytes %d-%d/%d\r\n" % (start, len(WHOLE) - 1, len(WHOLE))
    line = status if start else b"HTTP/1.1 200 OK\r\n"
    body = WHOLE[start : honest.upto]
    return Reply(line + names + b"content-length: %d\r\n\r\n" % (len(WHOLE) - start), body)


@contextmanager
def hostile() -> Iterator[Hostile]:
    """A hostile server on loopback until the block ends."""
    with Hostile() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# What servers are written with. Names that would have to be looked up are left out: this is for loopback alone.
CODES = (100, 101, 103, 199, 200, 204, 206, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 404, 408, 416, 429, 500)
statuses = st.builds(
    b"HTTP/1.%d %d %s\r\n".__mod__, st.tuples(st.integers(0, 1), st.sampled_from(CODES), st.just(b"x"))
)
odd_statuses = st.sampled_from(
    (
        b"",
        b"\r\n",
        b"ICY 200 OK\r\n",
        b"HTTP/0.9 200 OK\r\n",
        b"HTTP/2.0 200 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 999 OK\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 200 OK\n",
        b"HTTP/1.1 404 \x1b[2J\xff\r\n",
        b"HTTP/1.1 500 " + b"a " * 5000 + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 300_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x16\x03\x01" + bytes(500),
        b"<!DOCTYPE html><html>",
    )
)
LENGTHS = (b"0", b"1", b"%d" % len(WHOLE), b"%d" % (1 << 20), b"9" * 18, b"9" * 20, b"9" * 5000, b"-1", b"x", b"1, 2")
LOCATIONS = (
    b"/hostile",
    b"/hostile?again",
    b"/good",
    b"http://127.0.0.1:{port}/hostile",
    b"https://127.0.0.1:{port}/good",
    b"http://user:word@127.0.0.1:{port}/good",
    b"http://127.0.0.1:1/",
    b"http://127.0.0.1:99999/",
    b"file:///etc/hostname",
    b"ftp://127.0.0.1/",
    b"data:,x",
    b"http://a..b/",
    b"http://" + b"a" * 70 + b"/",
    b"http://",
    b"http://[",
    b"//[::1]:1/",
    b"//",
    b"",
    b"\xff",
    b"%",
    b"/" + b"a" * 9000,
    b"/" + b"../" * 3000,
)
RANGES = (
    b"bytes 0-29999/30000",
    b"bytes 10000-29999/30000",
    b"bytes 10000-29999/*",
    b"bytes 10000-99999999999999998/99999999999999999",
    b"bytes */10000",
    b"bytes " + b"9" * 5000 + b"-1/1",
    b"octets",
)
WAITS = (b"0", b"1", b"9" * 5000, b"--", b"Fri, 01 Apr 2022 10:00:00 +" + b"9" * 20, b"Fri, 01 Apr " + b"9" * 20)
FIELDS = {
    b"Content-Length": LENGTHS,
    b"Transfer-Encoding": (b"chunked", b"gzip, chunked", b"identity", b"chunked, chunked"),
    b"Content-Encoding": (b"gzip", b"identity", b"br", b"deflate, gzip", b"\x1b[2J"),
    b"Content-Range": RANGES,
    b"ETag": (b'"1"', b'"2"', b'W/"1"', b"\xff", b'"' + b"e" * 9000 + b'"'),
    b"Last-Modified": (MODIFIED.encode(), b"", b"yesterday"),
    b"Accept-Ranges": (b"bytes", b"none"),
    b"Retry-After": WAITS,
    b"Location": LOCATIONS,
    b"Set-Cookie": (b"a=b; path=/", b"=" * 9000, b"a=b; expires=" + b" " * 9000 + b"x"),
    b"Connection": (b"close", b"keep-alive", b"upgrade"),
}
named = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.sampled_from(FIELDS[name]).map(lambda value: name + b": " + value + b"\r\n")
)
odd_fields = st.sampled_from(
    (
        b"no colon\r\n",
        b": no name\r\n",
        b" folded\r\n",
        b"X:" + b" " * 3000 + b"\x00\r\n",
        b"X: a\r\n" + b" \r\n" * 3000,
        b"X: " + b"a" * 300_000 + b"\r\n",
        b"X:\r\n" * 3000,
        b"X:\r\n" * 100_000,
        b"Set-Cookie: a=b\r\n" * 800,
        b"X: bare\n",
        b"\x00\r\n",
    )
)
lines = st.lists(named | named | odd_fields, max_size=6).map(b"".join)
blanks = st.sampled_from((b"\r\n", b"\r\n", b"\r\n", b"\n", b""))
binary = st.binary(max_size=60)
wild = st.builds(lambda *parts: b"".join(parts), statuses | odd_statuses, lines, blanks) | binary
# most are sound, so that what comes after them is looked at: the file, its rest, and where it has gone
few = st.lists(named, max_size=2).map(b"".join)
given_file = st.builds(b"HTTP/1.1 200 OK\r\n%s\r\n".__mod__, few)
rest_of_file = st.builds(
    b"HTTP/1.1 206 x\r\nContent-Range: %s\r\n%s\r\n".__mod__, st.tuples(st.sampled_from(RANGES), few)
)
moved = st.builds(
    b"HTTP/1.1 %d x\r\nLocation: %s\r\n%s\r\n".__mod__,
    st.tuples(st.sampled_from((301, 302, 303, 307, 308)), st.sampled_from(LOCATIONS), few),
)
heads = given_file | rest_of_file | moved | moved | wild


def chunk(data: bytes, size: int | None = None) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data) if size is None else size, data)


CHUNKS = (
    chunk(WHOLE),
    chunk(WHOLE[:9000]) + chunk(WHOLE[9000:]) + chunk(b""),
    chunk(b"x" * 9, 5),
    chunk(b"x", 0xFFFFFFFFFFFF),
    b"0\r\n",
    b"0\r\n" + b"X: y\r\n" * 100_000,
    b"0\r\nX:" + b" " * 3000 + b"\x00\r\n\r\n",
    b"1;" + b" " * 8000 + b"\n\r\n",
    b"1;" + b"x" * 300_000,
    b"-1\r\n",
    b"f" * 30 + b"\r\n",
    b"1\r\nx\r\n" * 5000,
)
BODIES = (
    b"",
    WHOLE,
    WHOLE[:10_000],
    WHOLE[10_000:],
    WHOLE + b"x",
    OTHER,
    HTML,
    b"<!---->" * 40,
    b"<!---->" * 9000 + HTML,
    b"<!--" * 9000,
    b"<?xml" * 9000,
    b" " * 60_000 + HTML,
    BOMB,
    gzip.compress(WHOLE),
)
bodies = st.sampled_from(BODIES) | st.lists(st.sampled_from(CHUNKS), max_size=3).map(b"".join) | binary
PIECES = (b"x" * 60_000, b"1\r\nx\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n", b"X: y\r\n", b"x", bytes(60_000), b"\n")
# without end and as fast as it goes, or in drips; the client hangs up long before the server does
endless = st.builds(
    Reply,
    heads,
    bodies,
    st.sampled_from(PIECES),
    st.just(1 << 30),
    st.sampled_from((0.0, 0.0, 0.0, 0.05)),
    st.just("close"),
)
ended = st.builds(Reply, heads, bodies, end=st.sampled_from(("close", "close", "close", "hold")))
honest = st.builds(Honest, st.sampled_from(('"1"', '"2"', None)), st.sampled_from((None, 0, 10_000, 29_999)))
servers = st.lists(ended | ended | endless | honest, min_size=1, max_size=4)


def page(data: bytes) -> bool:
    """Whether `data` begins as an HTML page does: a plain reading, which shares no code with the client's."""
    text = data.decode(errors="replace").lstrip(string.whitespace + "\ufeff")
    return text[:1] == "<" and text[1:2] in {*string.ascii_letters, "!", "?"}


def tried(server: Hostile, replies: Sequence[Reply | Honest]) -> None:
    """Fetch from that server and from a good one after it, and from it alone; AssertionError for a finding."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "raw" / "corpus.bin"
        server.begin(replies)
        with bounded():
            found = fetch([f"{server.root}/hostile", f"{server.root}/good"], [digest(WHOLE)], target, patience=SHORT)
        assert found == digest(WHOLE)
        assert target.read_bytes() == WHOLE
        assert left(target.parent) == ["corpus.bin"]
        target.unlink()
        alone(server, replies, target)


def alone(server: Hostile, replies: Sequence[Reply | Honest], target: Path) -> None:
    server.begin(replies)
    try:
        with bounded():
            found = fetch([f"{server.root}/hostile"], [], target, exact=False, patience=SHORT)
    except DownloadError as error:
        _, line = str(error).splitlines()
        assert line.startswith(f"  {server.root}/hostile: ")
        assert line.isprintable()
        assert len(line) < 1000
        assert set(left(target.parent)) <= {".corpus.bin.part", ".corpus.bin.part.json"}
    else:
        data = target.read_bytes()
        assert digest(data) == found
        assert not page(data)
        assert data.strip()
        assert left(target.parent) == ["corpus.bin"]


@contextmanager
def bounded() -> Iterator[None]:
    """Make sure that the block takes less than LONGEST and LARGEST."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        yield
    finally:
        took, (_, held) = time.monotonic() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert took < LONGEST, f"{took:.1f} s"
    assert held < LARGEST, f"{held} bytes at a time"


def try_some(number: int, servers_to_try: int) -> None:
    """Write and try so many servers, others for each number; AssertionError for a finding."""

    @seed(number)
    @settings(max_examples=servers_to_try, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(servers)
    def one(replies: Sequence[Reply | Honest]) -> None:
        tried(server, replies)

    with hostile() as server:
        one()


def main(seconds: float) -> None:
    """Write and try servers for so many seconds."""
    until, tries, slowest = time.monotonic() + seconds, 0, 0.0
    with hostile() as server:
        batch = 0
        while time.monotonic() < until:

            @seed(batch)
            @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
            @given(servers)
            def one(replies: Sequence[Reply | Honest]) -> None:
                nonlocal tries, slowest
                if time.monotonic() < until:
                    started = time.monotonic()
                    tried(server, replies)
                    tries, slowest = tries + 1, max(slowest, time.monotonic() - started)

            one()
            batch += 1
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(f"{tries} servers, the slowest {slowest:.1f} s, at most {most} MiB", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
