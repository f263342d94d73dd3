"""No server holds us for ever, and one that asks for time gets some."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from download_inputs import BODY, HALF, HASTY, QUICK, Answer, Site, arrived, get, refused


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("1", 1.0, 9.0),
        ("3600", 1.2, 9.0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 1.2, 9.0),
        ("Fri, 01 Apr 2022 10:00:00 -0000", 0.0, 9.0),
        ("soon", 0.0, 9.0),
        ("9" * 5000, 1.2, 9.0),
    ],
    ids=["seconds", "too long", "date", "past", "nonsense", "too long a number"],
)
def test_retry_after_is_kept_to_up_to_a_bound(site: Site, target: Path, asked: str, least: float, most: float) -> None:
    def page(answer: Answer, turn: int) -> None:
        answer.whole(b"", 503, retry_after=asked) if turn == 0 else answer.serve(BODY)

    started = time.monotonic()
    get(site, target, page, patience=replace(QUICK, longest_wait=1.2))
    assert least <= time.monotonic() - started < most
    assert arrived(target)


def test_a_server_that_stalls_once_is_gone_on_with(site: Site, target: Path) -> None:
    def page(answer: Answer, turn: int) -> None:
        if turn > 0:
            answer.serve(BODY)
            return
        answer.head(200, length=len(BODY), etag='"1"')
        answer.wfile.write(BODY[:HALF])
        answer.server.over.wait(20)

    get(site, target, page, patience=replace(HASTY, lowest_rate=0))
    assert arrived(target)
    assert site.ranges == [None, f"bytes={HALF}-"]


def stall(answer: Answer, _: int) -> None:
    answer.server.over.wait(60)


def drip(answer: Answer, _: int) -> None:
    answer.head(200, length=len(BODY))
    dribble(answer, b"x")


def drip_without_length(answer: Answer, _: int) -> None:
    answer.head(200, length=None)
    dribble(answer, b"x")


def drip_headers(answer: Answer, _: int) -> None:
    answer.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
    dribble(answer, b"x")


def drip_a_chunks_head(answer: Answer, _: int) -> None:
    answer.protocol_version = "HTTP/1.1"
    answer.head(200, length=None, transfer_encoding="chunked")
    answer.wfile.write(b"ff;")
    dribble(answer, b"x")


def dribble(answer: Answer, piece: bytes) -> None:
    for _ in range(1200):
        answer.wfile.write(piece)
        if answer.server.over.wait(0.05):
            return


SLOW = "less than 100000 bytes a second for 0.4 s"


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (stall, ""),
        (drip, SLOW),
        (drip_without_length, SLOW),
        (drip_headers, SLOW),
        (drip_a_chunks_head, SLOW),
    ],
)
def test_a_server_that_dawdles_cannot_hold_us(
    site: Site, target: Path, page: Callable[[Answer, int], None], what: str
) -> None:
    started = time.monotonic()
    line = refused(site, target, page, exact=False, patience=HASTY)
    assert time.monotonic() - started < 15, "60 s is what the server would take"
    assert what in line
    assert "given up after 2 tries" in line


def test_a_body_without_end_is_left(site: Site, target: Path) -> None:
    def page(answer: Answer, _: int) -> None:
        answer.head(200, length=None)
        while not answer.server.over.is_set():
            answer.wfile.write(BODY)

    assert f"more than {1 << 20} bytes came" in refused(site, target, page, exact=False)
