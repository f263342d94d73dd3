"""A file arrives whole and verified, from the first place that has it, or not at all."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from terna.download import CHUNK, fetch, sha256_of
from terna.errors import DownloadError

BODY = b"premise\thypothesis\n" + bytes(range(256)) * (2 * CHUNK // 256) + b"the end"
HTML = b"<!DOCTYPE html>\n<html><body>We have moved</body></html>"
OTHER = b"other bytes"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Site(ThreadingHTTPServer):
    """A server on loopback with a few answers; `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []
        self.root = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/moved/corpus.tsv":
            self.send_response(302)
            self.send_header("Location", "/corpus.tsv")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        bodies = {"/corpus.tsv": BODY, "/html.tsv": HTML, "/other.tsv": OTHER, "/cut.tsv": BODY[:1000]}
        body = bodies.get(self.path, b"no such page")
        self.send_response(200 if self.path in bodies else 404)
        self.send_header("Content-Length", str(len(BODY) if self.path == "/cut.tsv" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "corpus" / "corpus.tsv"


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert sha256_of(tmp_path / "file") == digest(BODY)


@pytest.mark.parametrize("page", ["corpus.tsv", "moved/corpus.tsv"])
def test_http_brings_the_right_bytes_also_after_a_redirect_and_leaves_nothing_else(
    site: Site, target: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch([f"{site.root}/{page}"], [digest(BODY)], target) == digest(BODY)
    assert target.read_bytes() == BODY
    assert left(target) == ["corpus.tsv"]
    assert capsys.readouterr() == ("", ""), "no bar where there is no terminal"


def test_a_local_path_brings_the_right_bytes_and_stays_where_it_is(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "source.tsv"
    source.write_bytes(BODY)
    assert fetch([str(source)], [digest(OTHER), digest(BODY)], target) == digest(BODY)
    assert target.read_bytes() == source.read_bytes() == BODY


@pytest.mark.parametrize("name", ["corpus.tsv", "second-name.tsv", "Corpus.TSV"])
def test_a_mirror_is_looked_in_first_under_any_of_the_files_names_and_any_case(
    site: Site, target: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / name).write_bytes(BODY)
    addresses = [f"{site.root}/corpus.tsv", f"{site.root}/second-name.tsv?version=2"]
    fetch(addresses, [digest(BODY)], target, mirror=tmp_path / "mirror")
    assert target.read_bytes() == BODY
    assert site.asked == []


@pytest.mark.parametrize("content", [OTHER, HTML, None])
def test_a_mirror_without_the_right_file_gives_way_to_the_addresses(
    site: Site, target: Path, tmp_path: Path, content: bytes | None
) -> None:
    (tmp_path / "mirror").mkdir()
    if content:
        (tmp_path / "mirror" / "corpus.tsv").write_bytes(content)
    fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target, mirror=tmp_path / "mirror")
    assert target.read_bytes() == BODY
    assert site.asked == ["/corpus.tsv"]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("{site}/other.tsv", f"sha256 {digest(OTHER)}, expected {digest(BODY)} or {digest(b'')}"),
        ("{here}/other.tsv", f"sha256 {digest(OTHER)}, expected {digest(BODY)} or {digest(b'')}"),
        ("{site}/html.tsv", "an HTML page came, not the file"),
        ("{site}/nowhere.tsv", "404"),
        ("{site}/cut.tsv", "1000 bytes"),
        ("{here}/nowhere.tsv", "No such file"),
        ("http://127.0.0.1:1/closed.tsv", "refused"),
        ("http://127.0.0.1:port/x.tsv", "Invalid port"),
    ],
)
def test_what_is_not_the_file_is_refused_by_address_with_what_was_found_and_leaves_nothing(
    site: Site, target: Path, tmp_path: Path, place: str, found: str
) -> None:
    (tmp_path / "other.tsv").write_bytes(OTHER)
    address = place.format(site=site.root, here=tmp_path)
    with pytest.raises(DownloadError) as caught:
        fetch([address], [digest(BODY), digest(b"")], target)
    line = next(line for line in str(caught.value).splitlines() if address in line)
    assert found in line
    assert left(target) == []


def test_the_next_address_is_tried_and_no_more_than_needed(site: Site, target: Path) -> None:
    addresses = [f"{site.root}/{page}.tsv" for page in ("nowhere", "html", "other", "corpus", "moved/corpus")]
    fetch(addresses, [digest(BODY)], target)
    assert target.read_bytes() == BODY
    assert site.asked == ["/nowhere.tsv", "/html.tsv", "/other.tsv", "/corpus.tsv"]
    assert left(target) == ["corpus.tsv"]


def test_when_no_place_has_it_one_message_names_every_place(site: Site, target: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere.tsv").write_bytes(OTHER)
    addresses = [f"{site.root}/nowhere.tsv", f"{site.root}/html.tsv"]
    with pytest.raises(DownloadError) as caught:
        fetch(addresses, [digest(BODY)], target, mirror=tmp_path)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "nowhere.tsv could not be had:"
    assert len(lines) == 3
    for line, place in zip(lines, [str(tmp_path / "nowhere.tsv"), *addresses], strict=True):
        assert line.strip().startswith(f"{place}: ")


def test_a_right_file_is_not_fetched_again_and_a_wrong_one_is(site: Site, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target)
    assert target.read_bytes() == BODY
    assert fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target) == digest(BODY)
    assert site.asked == ["/corpus.tsv"]


def test_a_file_that_was_there_survives_a_fetch_that_fails(site: Site, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(OTHER)
    with pytest.raises(DownloadError):
        fetch([f"{site.root}/cut.tsv"], [digest(BODY)], target)
    assert target.read_bytes() == OTHER
    assert left(target) == ["corpus.tsv"]


def test_where_no_digest_is_published_other_bytes_pass_and_their_digest_is_told(site: Site, target: Path) -> None:
    assert fetch([f"{site.root}/other.tsv"], [digest(BODY)], target, exact=False) == digest(OTHER)
    assert target.read_bytes() == OTHER


@pytest.mark.parametrize("page", [HTML, b"\n  <HTML lang=es>", b"\xef\xbb\xbf<!doctype HTML>"])
def test_an_html_page_never_passes_for_other_bytes(target: Path, tmp_path: Path, page: bytes) -> None:
    (tmp_path / "page.tsv").write_bytes(page)
    with pytest.raises(DownloadError, match="an HTML page came"):
        fetch([str(tmp_path / "page.tsv")], [], target, exact=False)
    assert left(target) == []
