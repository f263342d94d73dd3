"""A mirror folder is looked in before the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from download_inputs import BODY, HTML, OTHER, Site, digest, hosted

from terna.data.download import fetch
from terna.errors import DownloadError


@pytest.fixture
def site() -> Iterator[Site]:
    with hosted() as site:
        site.pages["/corpus.tsv"] = lambda answer, _: answer.serve(BODY)
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "corpus" / "corpus.tsv"


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


@pytest.mark.parametrize("folder", ["esxnli", "corpus"])
def test_a_mirror_may_have_a_folder_for_each_corpus(site: Site, target: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "mirror" / folder).mkdir(parents=True)
    (tmp_path / "mirror" / folder / "Corpus.TSV").write_bytes(BODY)
    fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target, mirror=tmp_path / "mirror")
    assert target.read_bytes() == BODY
    assert site.asked == []


def test_of_two_corpora_with_a_file_of_one_name_the_mirror_gives_each_its_own(target: Path, tmp_path: Path) -> None:
    for folder, content in (("a-before", OTHER), ("corpus", BODY), ("other", OTHER)):
        (tmp_path / "mirror" / folder).mkdir(parents=True)
        (tmp_path / "mirror" / folder / "corpus.tsv").write_bytes(content)
    (tmp_path / "mirror" / "corpus.tsv").write_bytes(OTHER)
    found = fetch(["http://127.0.0.1:1/corpus.tsv"], [], target, exact=False, mirror=tmp_path / "mirror")
    assert found == digest(BODY)


def test_a_mirror_that_is_not_there_is_told_and_no_network_asked(site: Site, target: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"^{tmp_path / 'mirrow'}: the mirror, which should be a folder"):
        fetch([f"{site.root}/corpus.tsv"], [digest(BODY)], target, mirror=tmp_path / "mirrow")
    assert site.asked == []
