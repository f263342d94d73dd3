"""Translated sentences: each format gives pairs in their order, and a fault names file and line."""

import zipfile
from pathlib import Path

import pytest
from composed import compose_once

from terna.data.corpora import read_parallel
from terna.errors import DataError
from terna.records import sha256_of
from terna.settings import Corpus, File

HEADER = "language\tpromptID\tpairID\tsentence1\tsentence2"


def corpus(form: str, name: str, members: tuple[str, ...] = (), rows: int | None = None) -> Corpus:
    file = File(addresses=[f"somewhere/{name}"], sha256=[], members=list(members))
    return Corpus(form, "es", [file], rows=rows, exact=False, source="en")  # type: ignore[arg-type]


def pairs(form: str, folder: Path, name: str, *members: str, rows: int | None = None) -> list[tuple[str, str]]:
    table, _ = read_parallel("own", corpus(form, name, members, rows), folder)
    assert set(table["corpus"].to_pylist()) <= {"own"}
    return list(zip(table["source"].to_pylist(), table["target"].to_pylist(), strict=True))


def test_rows_of_two_languages_are_matched_by_their_numbers_and_repeats_are_counted(tmp_path: Path) -> None:
    rows = ["es\t1\t2\tLlueve.\tHace frío.", "en\t1\t1\tIt rains.\tIt is hot.", "es\t1\t1\tLlueve.\tHace calor."]
    rows += ["en\t1\t2\tIt rains.\tIt is cold.", "es\t9\t9\tSola.\tSin pareja.", "fr\t1\t1\tIl pleut.\tChaud."]
    (tmp_path / "x.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
    expected = [("It rains.", "Llueve."), ("It is cold.", "Hace frío."), ("It is hot.", "Hace calor.")]
    assert pairs("xnli_parallel", tmp_path, "x.tsv") == expected
    _, counts = read_parallel("own", corpus("xnli_parallel", "x.tsv"), tmp_path)
    assert counts == {"read": 4, "empty_sentence": 0, "repeated": 1}


def test_two_texts_of_an_archive_go_line_by_line_and_must_end_together(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/X.en", "One.\nTwo.\n\n")
        archive.writestr("a/X.es", "Uno.\nDos.\nTres.\n")
        archive.writestr("a/Y.es", "Uno.\n")
    assert pairs("moses", tmp_path, "x.zip", "X.en", "X.es") == [("One.", "Uno."), ("Two.", "Dos.")]
    with pytest.raises(DataError, match=r"x\.zip, line 2: one of X\.en, Y\.es ends before the other"):
        pairs("moses", tmp_path, "x.zip", "X.en", "Y.es")


def test_two_files_go_line_by_line_and_the_longer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_bytes(b"One.\r\nTwo.\r\n")
    (tmp_path / "a.es").write_bytes(b"Uno.\r\nDos. \r\n")
    (tmp_path / "b.en").write_bytes("Three,\u2028still.\n".encode())
    (tmp_path / "b.es").write_bytes(b"Tres.")
    files = [File(addresses=[f"somewhere/{name}"], sha256=[]) for name in ("a.en", "a.es", "b.en", "b.es")]
    declared = Corpus("lines", "es", files, exact=False, source="en")
    table, _ = read_parallel("own", declared, tmp_path)
    assert table["source"].to_pylist() == ["One.", "Two.", "Three,\u2028still."]
    assert table["target"].to_pylist() == ["Uno.", "Dos.", "Tres."]
    (tmp_path / "b.es").write_bytes(b"Tres.\nCuatro.\n")
    with pytest.raises(DataError, match=r"b\.en, line 2: one of b\.en, b\.es ends before the other"):
        read_parallel("own", declared, tmp_path)


def test_ntrex_is_read_whole(root: Path, mirror: Path) -> None:
    declared = compose_once(root, ["parallel=ntrex"]).parallel["ntrex"]
    if not (mirror / declared.files[0].name).is_file():
        pytest.skip(f"no NTREX in {mirror}")
    assert [sha256_of(mirror / file.name) for file in declared.files] == [file.sha256[0] for file in declared.files]
    table, counts = read_parallel("ntrex", declared, mirror)
    assert (counts["read"], counts["empty_sentence"]) == (1997, 0)
    assert table["source"][0].as_py().startswith("Welsh AMs worried about")
    assert table["target"][0].as_py().startswith("A los Miembros de la Asamblea (AM, por sus siglas en inglés)")


def test_tabbed_lines_pass_over_what_follows_and_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("Go.\tVete.\tCC-BY\nStop.\tPara.\n")
    assert pairs("tab", tmp_path, "t.txt", rows=2) == [("Go.", "Vete."), ("Stop.", "Para.")]
    with pytest.raises(DataError, match=r"own: 2 pairs in .*, expected 3"):
        pairs("tab", tmp_path, "t.txt", rows=3)
    (tmp_path / "t.txt").write_text("Go.\tVete.\nNothing\n")
    with pytest.raises(DataError, match=r"t\.txt, line 2: expected source, tab, target, found 'Nothing'"):
        pairs("tab", tmp_path, "t.txt")


def test_a_file_without_a_pair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(HEADER + "\nes\t1\t1\tLlueve.\tHace frío.\n")
    with pytest.raises(DataError, match="own: no translated sentence in"):
        pairs("xnli_parallel", tmp_path, "x.tsv")


def test_esxnli_holds_3320_distinct_translations(mirror: Path, root: Path) -> None:
    declared = compose_once(root, ["parallel=esxnli"]).parallel["esxnli"]
    table, counts = read_parallel("esxnli", declared, mirror)
    assert (len(table), counts["read"], counts["repeated"]) == (3320, 4980, 1660)
    assert len(set(table["target"].to_pylist())) == 3320
