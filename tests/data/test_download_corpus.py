"""A corpus's folder holds its declared files and a record, and the record is there only when all of them are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpora_inputs import zipped
from download_inputs import BODY, NEWER, OTHER, QUICK, Site, digest, hosted, left

from terna.data.corpora import check_file
from terna.data.download import fetch_corpus
from terna.errors import DownloadError
from terna.settings import Corpus, File


@pytest.fixture
def site() -> Iterator[Site]:
    with hosted() as site:
        site.pages["/a.tsv"] = lambda answer, _: answer.serve(BODY)
        site.pages["/b.tsv"] = lambda answer, _: answer.serve(NEWER)
        yield site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "corpus"


def corpus(*files: File, exact: bool = True) -> Corpus:
    return Corpus(format="xnli_tsv", language="es", files=list(files), licence="", citation="", exact=exact)


def both(site: Site, **more: Any) -> Corpus:
    files = {"a.tsv": BODY, "b.tsv": NEWER}
    return corpus(*(File([f"{site.root}/{name}"], [digest(body)]) for name, body in files.items()), **more)


def get(declared: Corpus, folder: Path, mirror: Path | None = None) -> None:
    fetch_corpus(declared, folder, mirror=mirror, check=check_file, progress=False, patience=QUICK)


def record(folder: Path) -> Any:
    return json.loads((folder / "fetched.json").read_text())


def test_the_record_says_what_came(site: Site, folder: Path) -> None:
    get(both(site), folder)
    assert record(folder) == {
        "sha256": {"a.tsv": digest(BODY), "b.tsv": digest(NEWER)},
        "bytes": {"a.tsv": len(BODY), "b.tsv": len(NEWER)},
        "addresses": {"a.tsv": [f"{site.root}/a.tsv"], "b.tsv": [f"{site.root}/b.tsv"]},
    }
    assert left(folder) == ["a.tsv", "b.tsv", "fetched.json"]


def test_the_record_is_gone_while_a_file_is_missing_and_what_came_is_not_fetched_again(
    site: Site, folder: Path
) -> None:
    get(both(site), folder)
    (folder / "b.tsv").write_bytes(OTHER)
    good, site.pages["/b.tsv"] = site.pages["/b.tsv"], lambda answer, _: answer.whole(b"", 404)
    with pytest.raises(DownloadError):
        get(both(site), folder)
    assert left(folder) == ["a.tsv", "b.tsv"]
    site.pages["/b.tsv"] = good
    get(both(site), folder)
    assert record(folder)["sha256"]["b.tsv"] == digest((folder / "b.tsv").read_bytes()) == digest(NEWER)
    assert site.asked == ["/a.tsv", "/b.tsv", "/b.tsv", "/b.tsv"]


def test_what_is_declared_no_more_is_removed_once_the_rest_is_there(site: Site, folder: Path) -> None:
    get(both(site), folder)
    (folder / ".c.tsv.part").write_bytes(OTHER)
    (folder / ".c.tsv.part.json").write_bytes(OTHER)
    get(corpus(both(site).files[1]), folder)
    assert left(folder) == ["b.tsv", "fetched.json"]
    assert list(record(folder)["sha256"]) == ["b.tsv"]
    assert site.asked == ["/a.tsv", "/b.tsv"], "nothing was fetched again"


@pytest.mark.parametrize("spoilt", ["", "[]", "{", '{"sha256": {}}'])
def test_a_record_that_cannot_be_read_is_written_anew(site: Site, folder: Path, spoilt: str) -> None:
    folder.mkdir(parents=True)
    (folder / "fetched.json").write_text(spoilt)
    get(both(site), folder)
    assert record(folder)["bytes"] == {"a.tsv": len(BODY), "b.tsv": len(NEWER)}


def unpublished(*addresses: str) -> Corpus:
    return corpus(File(list(addresses), []), exact=False)


def test_a_file_without_a_published_digest_is_kept_while_its_addresses_are(site: Site, folder: Path) -> None:
    get(unpublished(f"{site.root}/a.tsv"), folder)
    get(unpublished(f"{site.root}/a.tsv"), folder)
    assert site.asked == ["/a.tsv"]
    site.pages["/newer/a.tsv"] = lambda answer, _: answer.serve(NEWER)
    get(unpublished(f"{site.root}/newer/a.tsv"), folder)
    assert (folder / "a.tsv").read_bytes() == NEWER
    (folder / "a.tsv").write_bytes(OTHER)
    get(unpublished(f"{site.root}/newer/a.tsv"), folder)
    assert (folder / "a.tsv").read_bytes() == NEWER, "what is not what came is not kept"


def test_a_users_own_file_is_taken_again_when_it_was_edited(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.tsv"
    for content in (BODY, NEWER):
        own.write_bytes(content)
        get(unpublished(str(own)), folder)
        assert (folder / "own.tsv").read_bytes() == content


def test_links_into_a_cache_are_never_written_through(site: Site, folder: Path, tmp_path: Path) -> None:
    get(both(site), folder)
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("a.tsv", "b.tsv", "fetched.json"):
        (folder / name).rename(cache / name)
        (folder / name).symlink_to(cache / name)
    before = (cache / "fetched.json").read_bytes()
    site.pages["/b.tsv"] = lambda answer, _: answer.serve(OTHER)
    get(corpus(both(site).files[0], File([f"{site.root}/b.tsv"], [digest(OTHER)])), folder)
    assert (folder / "b.tsv").read_bytes() == OTHER
    assert (cache / "fetched.json").read_bytes() == before
    assert (cache / "b.tsv").read_bytes() == NEWER


def test_an_archive_is_read_through_before_the_record_is_written(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(("x/a.tsv", b"x")))
    declared = corpus(File([str(archive)], [digest(archive.read_bytes())], ["b.tsv"]))
    with pytest.raises(DownloadError, match=r"a\.zip: 0 members are called b\.tsv"):
        get(declared, folder)
    assert left(folder) == []


@pytest.mark.parametrize(
    "content", ["null", "[1]", "{}", '{"sha256": 3, "addresses": 3}', '{"sha256": {"a.tsv": [1]}}']
)
def test_a_record_of_another_shape_is_written_anew(site: Site, folder: Path, content: str) -> None:
    get(both(site, exact=False), folder)
    before = record(folder)
    (folder / "fetched.json").write_text(content)
    get(both(site, exact=False), folder)
    assert record(folder) == before
