"""An archive is read through before it counts: what it says of itself is bounded, and nothing of it is unpacked."""

import random
import struct
import tracemalloc
import zipfile
from functools import partial
from pathlib import Path

import pytest
from corpora_inputs import zipped
from download_inputs import QUICK, Site, digest, left

from terna.data.corpora import check_file, texts
from terna.data.download import fetch
from terna.errors import DataError, DownloadError
from terna.settings import File

MEMBER = ("x/c.tsv", b"premise\thypothesis\n" * 50)
ZEROS = bytes(64 << 20)
# where a member's header and the directory at the end say how large it is
LOCAL, CENTRAL = (b"PK\x03\x04", 22), (b"PK\x01\x02", 24)


def lying(archive: bytes, size: int) -> bytes:
    """The archive, with another size of its one member in both places that state it."""
    out = bytearray(archive)
    for mark, offset in (LOCAL, CENTRAL):
        struct.pack_into("<I", out, out.index(mark) + offset, size)
    return bytes(out)


def packed(path: Path, method: int, content: bytes = b"c" * 1000) -> bytes:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("c.tsv", content)
    return path.read_bytes()


def declared(*members: str) -> File:
    return File(addresses=["https://example.org/c.zip"], sha256=[], members=list(members))


def fault(path: Path, content: bytes, *members: str) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        check_file(declared(*members or ("c.tsv",)), path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_a_sound_archive_passes_and_so_does_a_file_without_members(tmp_path: Path) -> None:
    (tmp_path / "c.zip").write_bytes(zipped(MEMBER, ("d.tsv", b"x"), ("__MACOSX/x/c.tsv", b"")))
    check_file(declared("d.tsv", "c.tsv"), tmp_path / "c.zip")
    (tmp_path / "c.zip").write_bytes(b"no archive")
    check_file(declared(), tmp_path / "c.zip")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"no archive", "cannot be read"),
        (zipped(MEMBER)[:-30], "cannot be read"),
        (zipped(("x/d.tsv", b"")), "0 members are called c.tsv"),
        (zipped(("a/c.tsv", b"1"), ("../c.tsv", b"2")), "2 members are called c.tsv"),
        (lying(zipped(MEMBER), len(MEMBER[1]) - 1), "Bad CRC-32"),
        (lying(zipped(("c.tsv", ZEROS)), 1000), "Bad CRC-32"),
        (lying(zipped(MEMBER), (1 << 30) + 1), f"would unpack to {(1 << 30) + 1} bytes; the limit is {1 << 30}"),
        (zipped(("c.tsv", ZEROS)), f"to {len(ZEROS)} bytes; the limit is 250-fold"),
    ],
    ids=["text", "cut", "other member", "two of a name", "a lie", "a bomb that lies", "too large", "a bomb"],
)
def test_an_archive_that_is_of_no_use_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    tracemalloc.start()
    assert what in fault(tmp_path / "c.zip", content)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20, "a bomb is not held in memory"
    tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bound_is_refused(tmp_path: Path, method: int) -> None:
    content = packed(tmp_path / "c.zip", method)
    assert f"packed by method {method}" in fault(tmp_path / "c.zip", content)


def test_every_byte_of_a_declared_member_is_checked(tmp_path: Path) -> None:
    body = random.Random(7).randbytes(3000)
    content = bytearray(packed(tmp_path / "c.zip", zipfile.ZIP_STORED, body))
    start = content.index(body)
    for place in (0, 1500, 2999):
        damaged = content.copy()
        damaged[start + place] ^= 1
        assert "Bad CRC-32" in fault(tmp_path / "c.zip", bytes(damaged))


def test_a_large_member_is_read_without_being_held(tmp_path: Path) -> None:
    packed(tmp_path / "c.zip", zipfile.ZIP_STORED, random.Random(7).randbytes(32 << 20))
    tracemalloc.start()
    check_file(declared("c.tsv"), tmp_path / "c.zip")
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_repetitive_json_lines_pass(tmp_path: Path) -> None:
    line = b'{"gold_label": "neutral", "sentence1": "Una frase.", "sentence2": "Otra frase.", "pairID": "%d"}\n'
    rows = b"".join(line % number for number in range(250_000))
    assert len(rows) > texts.LARGE
    (tmp_path / "c.zip").write_bytes(zipped(("c.jsonl", rows)))
    check_file(declared("c.jsonl"), tmp_path / "c.zip")


def test_names_that_lead_out_of_the_folder_lead_nowhere(site: Site, tmp_path: Path) -> None:
    names = ("../c.tsv", "/tmp/terna-test-d.tsv", "..\\e.tsv", "a/../../../f.tsv")
    archive = zipped(*((name, b"x") for name in names))
    site.pages["/c.zip"] = lambda answer, _: answer.serve(archive)
    target = tmp_path / "data" / "raw" / "c.zip"
    check = partial(check_file, declared("c.tsv", "terna-test-d.tsv", "f.tsv"))
    assert fetch([f"{site.root}/c.zip"], [], target, exact=False, check=check, patience=QUICK) == digest(archive)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [target]
    assert not Path("/tmp/terna-test-d.tsv").exists()


@pytest.mark.parametrize("accepted", [True, False])
def test_a_bomb_from_a_server_leaves_nothing(site: Site, tmp_path: Path, accepted: bool) -> None:
    bomb = zipped(("c.tsv", ZEROS))
    site.pages["/c.zip"] = lambda answer, _: answer.serve(bomb)
    address, target = f"{site.root}/c.zip", tmp_path / "raw" / "c.zip"
    known = [digest(bomb)] if accepted else []
    with pytest.raises(DownloadError) as caught:
        fetch([address], known, target, exact=accepted, check=partial(check_file, declared("c.tsv")), patience=QUICK)
    line = str(caught.value).splitlines()[1]
    assert line.startswith(f"  {address}: c.tsv would unpack from ")
    assert left(target.parent) == []
