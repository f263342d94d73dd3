"""What is malformed is refused by file and line."""

import subprocess
from pathlib import Path

import pytest
from corpora_inputs import MT, ROW, SOUND, STS, XNLI, corpus, line, put, zipped

from terna.data.corpora import read_nli, read_sts, texts
from terna.errors import DataError
from terna.settings.declaration import SCORED

ENCRYPTED = SOUND.replace(b"PK\x03\x04\x14\0\0", b"PK\x03\x04\x14\0\1").replace(b"\x14\0\0\0", b"\x14\0\1\0")


def refused(folder: Path, kind: str, contents: dict[str, bytes], **more: object) -> str:
    """What the error says that is raised on reading these files."""
    put(folder, contents)
    names = STS if kind == "semeval_sts" else ("c.txt",)
    with pytest.raises(DataError) as caught:
        (read_sts if kind == SCORED else read_nli)("name", corpus(kind, *names, **more), folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "content", "where", "what"),
    [
        ("xnli_tsv", XNLI + ROW + b"es\tneutral\tHola.\n", ", line 3", "3 columns, but the header has 5"),
        ("xnli_tsv", XNLI + ROW + b"\n" + ROW, ", line 3", "0 columns, but the header has 5"),
        ("xnli_tsv", XNLI + ROW[:-1] + b"\ty\n", ", line 2", "6 columns, but the header has 5"),
        ("xnli_tsv", XNLI + ROW.replace(b"Vengo", b"Ven\rgo"), ", line 2", "new-line character"),
        ("xnli_tsv", MT + ROW, ", line 1", "no column sentence1, sentence2, gold_label, language"),
        (
            "xnli_tsv",
            b"",
            ", line 1",
            "the file is empty; needed in its header: sentence1, sentence2, gold_label, language",
        ),
        ("xnli_tsv", XNLI + ROW + ROW.replace(b"Hola", b"Ma\xf1ana"), ", line 3", "not UTF-8"),
        ("xnli_tsv", XNLI.replace(b"genre", b"\xff"), ", line 1", "not UTF-8"),
        ("xnli_mt_tsv", MT.replace(b"hypo", b"hypothesis"), ", line 1", "no column hypo;"),
        ("snli_jsonl", line() + b"{'sentence1'}\n", ", line 2", "not JSON"),
        ("snli_jsonl", line() + b"\n" + line(), ", line 2", "not JSON"),
        ("snli_jsonl", b"[" * 100_000, ", line 1", "not JSON"),
        ("snli_jsonl", b"9" * 5000, ", line 1", "not JSON"),
        ("snli_jsonl", line() + b'["Hola.", "Vengo.", "neutral"]\n', ", line 2", "each a text"),
        ("snli_jsonl", b'{"sentence1": "Hola.", "gold_label": "neutral"}\n', ", line 1", "each a text"),
        ("snli_jsonl", line() + line() + line(hypothesis=4), ", line 3", "each a text"),
        ("snli_jsonl", line(label=None), ", line 1", "each a text"),
        ("snli_jsonl", line().replace(b"Hola.", b"\xed\xa0\x80"), ", line 1", "not UTF-8"),
        ("snli_jsonl", line() + line().replace(b"Hola.", rb"\ud83d"), ", line 2", "half a surrogate pair"),
        ("snli_jsonl", line().replace(b"Hola.", rb"Ho\u0000la."), ", line 1", "NUL or half a surrogate pair"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_line(
    tmp_path: Path, kind: str, content: bytes, where: str, what: str
) -> None:
    found = refused(tmp_path, kind, {"c.txt": content})
    assert found.startswith(f"{tmp_path / 'c.txt'}{where}: ")
    assert what in found


@pytest.mark.parametrize(
    ("pairs", "scores", "file", "where", "what"),
    [
        (b"a\tb\nc\td\n", b"1\nuno\n", 1, ", line 2", "expected a score, found 'uno'"),
        (b"a\tb\nc\td\n", b"1\n\n", 1, ", line 2", "expected a score, found ''"),
        (b"a\tb\n", b"nan\n", 1, ", line 1", "expected a score, found 'nan'"),
        (b"a\tb\n", b"inf\n", 1, ", line 1", "expected a score, found 'inf'"),
        (b"a\tb\n", b"0_1\n", 1, ", line 1", "expected a score, found '0_1'"),
        (b"a\tb\n", b"-0.5\n", 1, ", line 1", "expected a score from 0 to 4, found '-0.5'"),
        (b"a\tb\n", b"4.2\n", 1, ", line 1", "expected a score from 0 to 4, found '4.2'"),
        (b"a\tb\nc\td\n", b"1\n", 0, "", f"2 pairs, but {{folder}}/{STS[1]} has 1 scores"),
        (b"a\tb\n", b"1\n2\n", 0, "", f"1 pairs, but {{folder}}/{STS[1]} has 2 scores"),
        (b"a\tb\nc d\n", b"1\n2\n", 0, ", line 2", "expected two sentences separated by a tab, found 'c d'"),
        (b"a\tb\nc\t \td\n", b"1\n2\n", 0, ", line 2", "expected two sentences separated by a tab"),
        (b"a\tb\nc\xf1\td\n", b"1\n2\n", 0, ", line 2", "not UTF-8"),
        (b"a\tb\n", b"\xff\n", 1, ", line 1", "not UTF-8"),
    ],
)
def test_a_malformed_pair_or_score_is_named_by_file_and_line(
    tmp_path: Path, pairs: bytes, scores: bytes, file: int, where: str, what: str
) -> None:
    found = refused(tmp_path, "semeval_sts", dict(zip(STS, (pairs, scores), strict=True)), scale=[0.0, 4.0])
    assert found.startswith(f"{tmp_path / STS[file]}{where}: ")
    assert what.format(folder=tmp_path) in found


def test_scores_that_are_not_declared_are_missed(tmp_path: Path) -> None:
    put(tmp_path, {STS[0]: b"a\tb\n", STS[1]: b"1\n"})
    with pytest.raises(DataError, match=r"STS\.input\.a\.txt: its scores are missing; STS\.gs\.a\.txt belongs beside"):
        read_sts("name", corpus("semeval_sts", STS[0]), tmp_path)


@pytest.mark.parametrize("kind", ["xnli_tsv", "snli_jsonl", "semeval_sts"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    missing = STS[0] if kind == "semeval_sts" else "c.txt"
    assert refused(tmp_path, kind, {}) == f"{tmp_path / missing}: not there; fetch it (dvc repro)"


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        ("xnli_tsv", {"c.txt": XNLI}),
        ("xnli_tsv", {"c.txt": XNLI + ROW.replace(b"es", b"en")}),
        ("snli_jsonl", {"c.txt": b""}),
        ("snli_jsonl", {"c.txt": line(label="-")}),
        ("semeval_sts", dict.fromkeys(STS, b"")),
    ],
)
def test_a_corpus_without_a_pair_is_refused_by_name(tmp_path: Path, kind: str, contents: dict[str, bytes]) -> None:
    found = refused(tmp_path, kind, contents)
    assert found.startswith("name: no ")
    assert str(tmp_path) in found


def test_a_benchmark_with_a_file_of_one_pair_is_refused_with_both_names(tmp_path: Path) -> None:
    found = refused(tmp_path, "semeval_sts", {STS[0]: b"a\tb\n", STS[1]: b"1\n"})
    assert found == f"name: {tmp_path / STS[0]} has one pair, and a correlation needs at least 2; add pairs"


@pytest.mark.parametrize(
    ("encoding", "what"),
    [
        ("utf-16", ": UTF-16 or UTF-32, not UTF-8"),
        ("utf-16-be", ", line 1: a NUL byte: UTF-16, or no text"),
        ("utf-32", ": UTF-16 or UTF-32, not UTF-8"),
        ("latin-1", ", line 1: not UTF-8"),
    ],
)
def test_other_encodings_are_refused_in_words(tmp_path: Path, encoding: str, what: str) -> None:
    found = refused(tmp_path, "xnli_tsv", {"c.txt": "Mañana.\tVengo.\n".encode(encoding)})
    assert found.startswith(f"{tmp_path / 'c.txt'}{what}")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "windows-1252"])
def test_the_command_that_is_named_for_another_encoding_gives_the_text(tmp_path: Path, encoding: str) -> None:
    text = f"{XNLI.decode()}es\tneutral\t¿Mañana?\tSí, ahí\tx\n"
    found = refused(tmp_path, "xnli_tsv", {"c.txt": text.encode(encoding)})
    command = ["iconv", *found.rpartition("iconv ")[2].split(), tmp_path / "c.txt"]
    assert subprocess.run(command, check=True, capture_output=True).stdout.decode() == text


def test_another_number_of_rows_than_declared_is_refused_with_both(tmp_path: Path) -> None:
    found = refused(tmp_path, "xnli_tsv", {"c.txt": XNLI + ROW + ROW.replace(b"es", b"en")}, rows=2)
    assert found.startswith("name: 1 rows in ") and "expected 2" in found
    found = refused(tmp_path, "semeval_sts", {STS[0]: b"a\tb\n", STS[1]: b"1\n"}, rows=2)
    assert found.startswith("name: 1 pairs in ") and "expected 2" in found


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"no archive", "cannot be read"),
        (b"", "cannot be read"),
        (SOUND[:-30], "cannot be read"),
        (SOUND.replace(b"x/c.tsv", b"x/d.tsv"), "0 members are called c.tsv"),
        (zipped(("__MACOSX/c.tsv", XNLI + ROW)), "0 members are called c.tsv"),
        (zipped(("x/c.tsv", XNLI + ROW), ("y/c.tsv", XNLI + ROW)), "2 members are called c.tsv"),
        (SOUND[:60] + bytes([SOUND[60] ^ 0xFF]) + SOUND[61:], "cannot be read"),
        (zipped(("ñ.tsv", b"")).replace("ñ".encode(), b"\xff\xff"), "cannot be read"),
        (ENCRYPTED, "encrypted"),
    ],
    ids=[
        "text",
        "empty",
        "cut",
        "other member",
        "macosx alone",
        "two of a name",
        "damaged inside",
        "a name",
        "encrypted",
    ],
)
def test_a_broken_archive_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, what: str) -> None:
    found = refused(tmp_path, "xnli_tsv", {"c.txt": content}, members=("c.tsv",))
    assert found.startswith(f"{tmp_path / 'c.txt'}: ")
    assert what in found


def test_a_member_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MEMBER_LIMIT", 1000)
    assert "the limit is 1000" in refused(tmp_path, "xnli_tsv", {"c.txt": SOUND}, members=("c.tsv",))
