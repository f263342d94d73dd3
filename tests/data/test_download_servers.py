"""Whatever a server sends costs bounded time and memory; the next address is then tried."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from download_inputs import BODY, HALF, HASTY, NEWER, Answer, Site, arrived, digest, kept, left, refused
from fuzz_downloads import (
    BOMB,
    LONGEST,
    SHORT,
    WHOLE,
    Honest,
    Hostile,
    Reply,
    bounded,
    hostile,
    page,
    servers,
    tried,
    try_some,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terna.data.download import fetch
from terna.data.download.answers import retry_after
from terna.data.download.verify import PAGE, opening
from terna.errors import DownloadError

FUZZ = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /good\r\n%s\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile() as server:
        yield server


@settings(FUZZ, max_examples=15)
@given(replies=servers)
def test_any_server_gives_the_file_or_an_error_and_the_next_address_is_tried(
    server: Hostile, replies: list[Reply | Honest]
) -> None:
    tried(server, replies)


@pytest.mark.slow  # minutes of waiting, for some stall and drip: in four processes at once
def test_five_hundred_servers_give_the_file_or_an_error() -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as processes:
        for done in [processes.submit(try_some, number, 125) for number in range(4)]:
            done.result()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(MOVED % b"", again=b"x" * 60_000, times=1 << 30),
        Reply(MOVED % b"Content-Encoding: gzip\r\n", BOMB),
        Reply(MOVED % b"Content-Encoding: gzip\r\n", b"no gzip"),
        Reply(MOVED % b"Content-Length: 999999999\r\n", end="hold"),
    ],
    ids=["without end", "a bomb", "no gzip", "never sent"],
)
def test_the_body_of_a_redirect_is_not_read(server: Hostile, tmp_path: Path, reply: Reply) -> None:
    server.begin([reply])
    with bounded():
        fetch([f"{server.root}/hostile"], [digest(WHOLE)], tmp_path / "corpus.bin", patience=SHORT)
    assert server.asked == ["/hostile", "/good"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"HTTP/1.1 200 OK\r\n", again=b"X: y\r\n", times=1 << 30),
        Reply(b"HTTP/1.1 200 OK\r\nX: ", again=b"y" * 1000, times=1 << 30),
        Reply(b"", again=b"HTTP/1.1 100 Continue\r\n\r\n", times=1 << 30),
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5;", b"x" * 1000, 1 << 30),
        Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n0\r\n", b"X: y\r\n", 1 << 30),
    ],
    ids=["headers", "a header", "interim answers", "a chunk's head", "trailers"],
)
def test_headers_without_end_are_left(server: Hostile, tmp_path: Path, reply: Reply) -> None:
    server.begin([reply])
    with bounded(), pytest.raises(DownloadError, match="/hostile: received more than 16384 bytes of headers"):
        fetch([f"{server.root}/hostile"], [], tmp_path / "corpus.bin", exact=False, patience=SHORT)
    assert server.asked == ["/hostile"]
    assert left(tmp_path) == []


def test_headers_as_long_as_servers_send_them_pass(server: Hostile, tmp_path: Path) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(12))
    server.begin([Reply(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n", WHOLE)])
    fetch([f"{server.root}/hostile"], [digest(WHOLE)], tmp_path / "corpus.bin")


def test_chunks_of_any_size_pass(server: Hostile, tmp_path: Path) -> None:
    sizes = [1] * 3000 + [15, 16, 4095, 4096, 4097, 8192]
    sizes.append(len(WHOLE) - sum(sizes))
    ends = list(accumulate(sizes))
    chunks = (b"%x;n=v\r\n%s\r\n" % (size, WHOLE[end - size : end]) for size, end in zip(sizes, ends, strict=True))
    body = b"".join(chunks) + b"0\r\nX: y\r\n\r\n"
    server.begin([Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body)])
    fetch([f"{server.root}/hostile"], [digest(WHOLE)], tmp_path / "corpus.bin")


@pytest.mark.slow  # seconds by design: the square of 16 KiB, twice
@pytest.mark.parametrize("end", [b"\x00\r\n\r\n", b"\n\r\n"])
def test_a_line_of_white_space_takes_seconds_at_most(server: Hostile, tmp_path: Path, end: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nX:" if b"\x00" in end else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    server.begin([Reply(head + b" " * 16_300 + end)])
    started = time.process_time()
    with pytest.raises(DownloadError, match="illegal"):
        fetch([f"{server.root}/hostile"], [], tmp_path / "corpus.bin", exact=False, patience=replace(HASTY, window=30))
    assert time.process_time() - started < LONGEST


@pytest.mark.parametrize("total", [(1 << 20) + 1, 10**18 - 1])
def test_a_file_that_is_announced_too_large_is_not_begun(site: Site, target: Path, total: int) -> None:
    line = refused(site, target, lambda answer, _: answer.head(200, length=total))
    assert f"{total} bytes were announced, expected no more than {1 << 20}" in line
    assert len(site.asked) == 1


def test_a_rest_that_is_announced_too_large_is_not_begun(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn == 0:
            answer.head(200, length=None, etag='"1"')
            answer.pour(BODY[:HALF], 0)
            answer.reset()
        else:
            answer.head(206, length=None, etag='"1"', content_range=f"bytes {HALF}-{10**17 - 1}/{10**17}")

    assert f"{10**17} bytes were announced" in refused(site, target, page)


def test_an_address_has_its_time_and_what_came_is_kept(site: Site, target: Path) -> None:
    def page(answer: Answer, _: int) -> None:
        answer.head(200, length=1 << 20, etag='"1"')
        answer.pour(bytes(1 << 20), 0.02)

    line = kept(site, target, page, patience=replace(HASTY, attempts=100, longest=1.0))
    assert "not whole after 1 s" in line
    assert "given up after 1 tries" in line
    assert left(target.parent) == [".corpus.bin.part", ".corpus.bin.part.json"]


def test_a_second_answer_on_one_connection_is_watched_too(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn == 0:
            answer.serve(BODY, upto=HALF)
        elif turn == 1:  # whole and wrong, and the connection may be kept
            answer.protocol_version, answer.close_connection = "HTTP/1.1", False
            answer.serve(BODY[:HALF] + NEWER[HALF:])
        else:
            answer.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(600):
                answer.wfile.write(b"y")
                time.sleep(0.05)

    started = time.monotonic()
    line = refused(site, target, page, patience=HASTY)
    assert time.monotonic() - started < 15, "30 s is what the server would take, twice"
    assert "less than 100000 bytes a second" in line


@pytest.mark.parametrize(
    "location", ["http://a..b/", f"http://{'a' * 70}/", "http://[", "https://127.0.0.1:1/", "ftp://a/"]
)
def test_a_redirect_to_nowhere_is_an_error_of_the_address_and_the_next_is_tried(
    site: Site, target: Path, location: str
) -> None:
    site.pages["/moved.bin"] = lambda answer, _: answer.head(302, length=0, location=location)
    site.pages["/corpus.bin"] = lambda answer, _: answer.serve(BODY)
    fetch([f"{site.root}/{name}.bin" for name in ("moved", "corpus")], [digest(BODY)], target, patience=HASTY)
    assert arrived(target)


def test_a_redirects_cookies_are_not_kept(site: Site, target: Path) -> None:
    seen = []

    def page(answer: Answer, _: int) -> None:
        seen.append(answer.headers["Cookie"])
        answer.serve(BODY)

    site.pages["/moved.bin"] = lambda answer, _: answer.head(302, length=0, location="/corpus.bin", set_cookie="a=b")
    site.pages["/corpus.bin"] = page
    fetch([f"{site.root}/moved.bin"], [digest(BODY)], target)
    assert seen == [None]


@pytest.mark.parametrize(
    "fields",
    [{"content_encoding": "\x1b[2J" + "x" * 5000}, {"retry_after": "0", "status": "503"}],
    ids=["a header", "a reason"],
)
def test_a_message_holds_little_of_what_was_said_and_nothing_that_moves_the_cursor(
    site: Site, target: Path, fields: dict[str, str]
) -> None:
    def page(answer: Answer, _: int) -> None:
        status = int(fields.get("status", "200"))
        answer.send_response(status, "\x1b[2J" + "y" * 5000)
        for name, value in fields.items():
            answer.send_header(name.replace("_", "-"), value)
        answer.end_headers()

    line = refused(site, target, page)
    assert line.isprintable()
    assert len(line) < 500


@pytest.mark.parametrize("zone", ["+" + "9" * 20, "-" + "9" * 20, "+9999999999"])
def test_a_wait_until_a_date_in_no_zone_is_none(zone: str) -> None:
    assert retry_after({"retry-after": f"Fri, 01 Apr 2022 10:00:00 {zone}"}) == 0.0


@FUZZ
@given(
    st.lists(st.sampled_from(["Fri", ",", " ", "01", "Apr", "2022", ":", "10:00:00", "+", "-", "9" * 20, "٣"]))
    | st.text()
)
def test_a_wait_is_a_number_whatever_was_said(said: list[str] | str) -> None:
    assert retry_after({"retry-after": "".join(said)}) >= 0


OPENINGS = (b"\xef\xbb\xbf", b"<", b"<!--", b"<?xml", b">", b" ", b"\n", b"\r", b"<html>", b"a", b"x", b"-", b"!")


@settings(FUZZ, max_examples=500)
@given(st.lists(st.sampled_from(OPENINGS), max_size=4).map(b"".join))
def test_a_page_is_known_as_a_plain_reading_knows_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "data").write_bytes(data)
    assert bool(PAGE.match(opening(tmp_path / "data"))) == page(data)


@pytest.mark.parametrize("piece", [b" ", b"\n", b"\0", b"\xef\xbb\xbf", b"<!doctype ", b"<"])
def test_the_time_to_know_a_page_grows_with_its_length_alone(tmp_path: Path, piece: bytes) -> None:
    (tmp_path / "data").write_bytes(piece * (4_000_000 // len(piece)))
    started = time.process_time()
    PAGE.match(opening(tmp_path / "data"))
    assert time.process_time() - started < 2, "the square of it would be hours"


@pytest.mark.parametrize("length", [(1 << 16) - 1, 1 << 16, 70_000])
@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_page_is_a_page_behind_any_number_of_newlines_in_any_encoding(
    site: Site, target: Path, length: int, coding: str
) -> None:
    body = ("\n" * length + "<!doctype html><p>Moved").encode(coding)
    assert "received an HTML page" in refused(site, target, lambda answer, _: answer.whole(body), exact=False)
