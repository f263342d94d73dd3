"""Whatever a server answers, an error names the address, what came and what was expected; nothing else is left."""

import gzip
from pathlib import Path

import pytest
from download_inputs import BODY, HALF, HTML, OTHER, Answer, Site, arrived, digest, get, refused

from terna.errors import DataError, DownloadError


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_an_error_that_passes_is_waited_for(site: Site, target: Path, status: int) -> None:
    get(site, target, lambda answer, turn: answer.whole(b"busy", status) if turn < 2 else answer.serve(BODY))
    assert arrived(target)
    assert len(site.asked) == 3


def test_an_error_that_stays_is_told(site: Site, target: Path) -> None:
    line = refused(site, target, lambda answer, _: answer.whole(b"no", 500))
    assert "HTTP 500 Internal Server Error, expected the file; given up after 3 tries" in line
    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [403, 404, 410, 204, 206, 304, 416])
def test_an_answer_that_will_not_change_is_asked_for_once(site: Site, target: Path, status: int) -> None:
    line = refused(site, target, lambda answer, _: answer.whole(b"", status))
    assert f"HTTP {status} " in line
    assert len(site.asked) == 1


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    "page",
    [HTML, b"\n  <HTML lang=es>", b"\xef\xbb\xbf<!doctype HTML>", b'<?xml version="1.0"?>\n<!-- x\ny -->\n<html>'],
)
def test_an_html_page_is_told_for_what_it_is(site: Site, target: Path, page: bytes, exact: bool) -> None:
    line = refused(site, target, lambda answer, _: answer.whole(page, etag='"1"', accept_ranges="bytes"), exact=exact)
    assert "received an HTML page, not the file" in line
    assert digest(BODY) in line
    assert len(site.asked) == 1


@pytest.mark.parametrize("body", [OTHER, BODY[:HALF], b"", BODY + b"more"], ids=["other", "short", "empty", "long"])
def test_a_wrong_file_is_refused_at_once(site: Site, target: Path, body: bytes) -> None:
    line = refused(site, target, lambda answer, _: answer.serve(body))
    assert f"{len(body)} bytes of a damaged or other file, sha256 {digest(body)}, expected {digest(BODY)}" in line
    assert len(site.asked) == 1


def test_a_file_shorter_than_its_length_says_is_refused(site: Site, target: Path) -> None:
    def page(answer: Answer, _: int) -> None:
        answer.head(200, length=len(BODY))
        answer.wfile.write(BODY[:HALF])

    line = refused(site, target, page, exact=False)
    assert f"{HALF} of {len(BODY)} bytes are here" in line
    assert f"expected {len(BODY)}" in line


def test_a_chunk_that_is_cut_does_not_pass_for_the_end(site: Site, target: Path) -> None:
    def page(answer: Answer, _: int) -> None:
        answer.protocol_version = "HTTP/1.1"
        answer.head(200, length=None, transfer_encoding="chunked")
        answer.wfile.write(b"ff\r\n" + BODY[:255] + b"\r\nff\r\n" + BODY[:20])
        answer.close_connection = True

    assert "of an unknown number of bytes are here" in refused(site, target, page, exact=False)


def test_a_file_that_comes_compressed_is_refused(site: Site, target: Path) -> None:
    line = refused(site, target, lambda answer, _: answer.whole(gzip.compress(BODY), content_encoding="gzip"))
    assert "came as gzip, expected the file's own bytes" in line


@pytest.mark.parametrize("steps", [1, 2])
def test_a_loop_of_redirects_ends(site: Site, target: Path, steps: int) -> None:
    site.pages["/1"] = lambda answer, _: answer.head(302, length=0, location="/corpus.bin")
    where = "/1" if steps == 2 else "/corpus.bin"
    line = refused(site, target, lambda answer, _: answer.head(302, length=0, location=where))
    assert "redirects" in line
    assert len(site.asked) < 50


def test_a_redirect_out_of_http_is_not_followed(site: Site, target: Path) -> None:
    line = refused(site, target, lambda answer, _: answer.head(302, length=0, location="file:///etc/hostname"))
    assert "file" in line


def test_a_check_that_fails_refuses_the_file_by_address(site: Site, target: Path) -> None:
    def check(path: Path) -> None:
        assert path.read_bytes() == BODY, "called when all is there"
        assert not target.exists(), "called before it counts"
        raise DataError(f"{path}: no member of this name")

    assert (
        line_end(refused(site, target, lambda answer, _: answer.serve(BODY), check=check)) == "no member of this name"
    )


def line_end(line: str) -> str:
    return line.rpartition(": ")[2]


def test_a_file_that_is_there_and_right_is_checked_too(site: Site, target: Path) -> None:
    get(site, target, lambda answer, _: answer.serve(BODY))

    def check(path: Path) -> None:
        raise DataError(f"{path}: no member of this name")

    with pytest.raises(DownloadError, match=f"^{target}: no member of this name"):
        get(site, target, lambda answer, _: answer.serve(BODY), check=check)
    assert len(site.asked) == 1
