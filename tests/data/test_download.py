"""A file arrives whole and verified, from the first place that has it, or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from download_inputs import BODY, HTML, OTHER, QUICK, Site, digest, hosted, left

from terna.data.download import fetch
from terna.errors import DownloadError
from terna.records import sha256_of


@pytest.fixture
def site() -> Iterator[Site]:
    with hosted() as site:
        bodies = {"corpus": BODY, "html": HTML, "other": OTHER}
        site.pages = {f"/{name}.tsv": lambda answer, _, body=body: answer.whole(body) for name, body in bodies.items()}  # type: ignore[misc]
        site.pages["/moved/corpus.tsv"] = lambda answer, _: answer.head(302, length=0, location="/corpus.tsv")
        site.pages["/cut.tsv"] = lambda answer, _: (answer.head(200, length=len(BODY)), answer.pour(BODY[:1000], 0))[1]
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "corpus" / "corpus.tsv"


def test_a_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert sha256_of(tmp_path / "file") == digest(BODY)


@pytest.mark.parametrize("page", ["corpus.tsv", "moved/corpus.tsv"])
def test_http_brings_the_right_bytes_also_after_a_redirect_and_leaves_nothing_else(
    site: Site, target: Path, page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch([f"{site.root}/{page}"], [digest(BODY)], target) == digest(BODY)
    assert target.read_bytes() == BODY
    assert left(target.parent) == ["corpus.tsv"]
    assert capsys.readouterr() == ("", ""), "no bar where there is no terminal"


def test_a_local_path_brings_the_right_bytes_and_stays_where_it_is(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "source.tsv"
    source.write_bytes(BODY)
    assert fetch([str(source)], [digest(OTHER), digest(BODY)], target) == digest(BODY)
    assert target.read_bytes() == source.read_bytes() == BODY


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (
            "{site}/other.tsv",
            f"11 bytes of a damaged or other file, sha256 {digest(OTHER)}, expected {digest(BODY)} or {digest(b'')}",
        ),
        (
            "{here}/other.tsv",
            f"11 bytes of a damaged or other file, sha256 {digest(OTHER)}, expected {digest(BODY)} or {digest(b'')}",
        ),
        ("{site}/html.tsv", "received an HTML page, not the file"),
        ("{site}/nowhere.tsv", "404"),
        ("{site}/cut.tsv", "1000 bytes"),
        ("{here}/nowhere.tsv", "no such file; put it there, or correct the path in the settings"),
        ("{here}/", "a folder, expected a file"),
        ("/dev/zero", "a device, pipe or socket, expected a file"),
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
        fetch([address], [digest(BODY), digest(b"")], target, patience=QUICK)
    line = next(line for line in str(caught.value).splitlines() if address in line)
    assert found in line
    assert not target.parent.exists(), "an empty folder would be no output of a stage"


def test_the_next_address_is_tried_and_no_more_than_needed(site: Site, target: Path) -> None:
    addresses = [f"{site.root}/{page}.tsv" for page in ("nowhere", "html", "other", "corpus", "moved/corpus")]
    fetch(addresses, [digest(BODY)], target)
    assert target.read_bytes() == BODY
    assert site.asked == ["/nowhere.tsv", "/html.tsv", "/other.tsv", "/corpus.tsv"]
    assert left(target.parent) == ["corpus.tsv"]


def test_when_no_place_has_it_one_message_names_every_place(site: Site, target: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere.tsv").write_bytes(OTHER)
    addresses = [f"{site.root}/nowhere.tsv", f"{site.root}/html.tsv"]
    with pytest.raises(DownloadError) as caught:
        fetch(addresses, [digest(BODY)], target, mirror=tmp_path)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "nowhere.tsv could not be fetched:"
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
        fetch([f"{site.root}/cut.tsv"], [digest(BODY)], target, patience=QUICK)
    assert target.read_bytes() == OTHER
    assert left(target.parent) == ["corpus.tsv"]


def test_where_no_digest_is_published_other_bytes_pass_and_their_digest_is_told(site: Site, target: Path) -> None:
    assert fetch([f"{site.root}/other.tsv"], [digest(BODY)], target, exact=False) == digest(OTHER)
    assert target.read_bytes() == OTHER


@pytest.mark.parametrize(
    "page", [HTML, b"\n  <HTML lang=es>", b"\xef\xbb\xbf<!doctype HTML>", b"<div>Sign in</div>", b"<h1>Not found</h1>"]
)
def test_an_html_page_never_passes_for_other_bytes(target: Path, tmp_path: Path, page: bytes) -> None:
    (tmp_path / "page.tsv").write_bytes(page)
    with pytest.raises(DownloadError, match="received an HTML page"):
        fetch([str(tmp_path / "page.tsv")], [], target, exact=False)
    assert left(target.parent) == []


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [
        (b"<div>Sign in</div>", "text/html; charset=utf-8", "received an HTML page, not the file"),
        (b"Sign in", "Text/HTML", "received an HTML page, not the file"),
        (b"Sign in", "application/xhtml+xml", "received an HTML page, not the file"),
        (b"", "text/plain", "received an empty file (0 bytes, no text)"),
        (b"\xef\xbb\xbf \n\n", "text/plain", "received an empty file (6 bytes, no text)"),
    ],
)
def test_where_no_digest_is_published_a_page_and_an_empty_file_give_way_to_the_next_address(
    site: Site, target: Path, body: bytes, kind: str, found: str
) -> None:
    site.pages["/page.tsv"] = lambda answer, _: answer.whole(body, content_type=kind, etag='"1"')
    with pytest.raises(DownloadError) as caught:
        fetch([f"{site.root}/page.tsv"], [], target, exact=False, patience=QUICK)
    assert found in str(caught.value)
    assert left(target.parent) == []
    fetch([f"{site.root}/page.tsv", f"{site.root}/corpus.tsv"], [], target, exact=False, patience=QUICK)
    assert target.read_bytes() == BODY


def test_what_a_server_calls_a_page_is_the_file_if_its_digest_or_its_name_says_so(site: Site, target: Path) -> None:
    for name in ("page.tsv", "page.html"):
        site.pages[f"/{name}"] = lambda answer, _: answer.whole(OTHER, content_type="text/html", etag='"1"')
    assert fetch([f"{site.root}/page.tsv"], [digest(OTHER)], target, exact=False) == digest(OTHER)
    html = target.with_name("page.html")
    assert fetch([f"{site.root}/page.html"], [], html, exact=False) == digest(OTHER)


def test_a_pipe_is_no_file_and_is_not_waited_for(target: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tsv")
    with pytest.raises(DownloadError, match="a device, pipe or socket, expected a file"):
        fetch([str(tmp_path / "pipe.tsv")], [], target, exact=False)
    assert left(target.parent) == []


def test_what_a_killed_copy_left_is_removed_even_by_a_fetch_that_fails(target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.with_name(".corpus.tsv.copy").write_bytes(OTHER)
    with pytest.raises(DownloadError):
        fetch(["nowhere.tsv"], [], target, exact=False)
    assert left(target.parent) == []


def test_a_file_is_on_the_disk_before_it_bears_its_name_and_its_name_after(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, bool]] = []
    real = os.fsync

    def watched(opened: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file"
        assert kind == "folder" or os.fstat(opened).st_size == len(BODY)
        order.append((kind, target.exists()))
        real(opened)

    monkeypatch.setattr(os, "fsync", watched)
    fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target)
    assert order == [("file", False), ("folder", True)]


def test_a_link_into_a_cache_is_replaced_and_what_it_leads_to_left_as_it_is(
    site: Site, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_bytes(OTHER)
    target.parent.mkdir(parents=True)
    target.hardlink_to(tmp_path / "cache")
    fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target)
    assert target.read_bytes() == BODY
    assert (tmp_path / "cache").read_bytes() == OTHER
