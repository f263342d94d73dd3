"""Every command against what can be wrong with what it is given: a sentence with the remedy, a status, no traceback."""

import codecs
import io
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer

from terna.encoder import Encoder, Usage
from terna.metrics.similarity import pairwise
from terna.serving.cli import commands, main

FULL = Path("/dev/full")
SENTENCE = "El tren llega tarde."
ACCENTS = "¿Qué tal está el café de la señora Núñez?"


class Stream(io.TextIOWrapper):
    """Standard input with these bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


@pytest.fixture
def run(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """A function that runs a command in an empty folder: its status, what it printed, what it told."""

    def command(words: list[str], content: bytes = b"", model: Path = encoder_folder) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", Stream(content))
        status = main(words if "--model" in words else [*words, "--model", str(model)])
        return status, *capsys.readouterr()

    return command


WIDE = {name: f"{SENTENCE}\n".encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32-le")}
LINES = [
    (codecs.BOM_UTF16_LE + WIDE["utf-16-le"], "{name}: UTF-16 or UTF-32, not UTF-8; convert it: iconv"),
    (codecs.BOM_UTF16_BE + WIDE["utf-16-be"], "{name}: UTF-16 or UTF-32, not UTF-8; convert it: iconv"),
    (codecs.BOM_UTF32_LE + WIDE["utf-32-le"], "{name}: UTF-16 or UTF-32, not UTF-8; convert it: iconv"),
    (WIDE["utf-16-le"], "{name}, line 1: a NUL byte: UTF-16, or no text; give UTF-8 text"),
    (b"uno\ndos\0tres\n", "{name}, line 2: a NUL byte"),
    (b"uno\tdos\rtres\tcuatro\r", r"{name}, line 1: a carriage return that ends no line; convert it: tr '\r' '\n'"),
]


@pytest.mark.parametrize(("content", "told"), LINES)
@pytest.mark.parametrize("command", ["encode", "search", "queries", "similarity"])
def test_what_is_no_text_in_utf_8_is_refused_in_words(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, command: str, content: bytes, told: str
) -> None:
    (tmp_path / "corpus.txt").write_bytes(content if command == "search" else b"uno\n")
    search = ["search", "--corpus", "corpus.txt"]
    words = {"encode": ["encode", "--format", "jsonl"], "search": [*search, "hola"], "queries": search}
    status, printed, error = run(words.get(command, [command]), content)
    name = "--corpus corpus.txt" if command == "search" else "standard input"
    if command == "similarity" and content.startswith(b"uno\ndos"):
        name, told = "standard input", "{name}, line 1: two sentences with a tab between them"
    assert (status, printed) == (1, "")
    assert error.startswith(f"DataError: {told.format(name=name)}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_mark_an_end_and_a_form_of_characters_change_no_vector(
    run: Callable[..., tuple[int, str, str]], encoder_folder: Path, mark: bytes, form: Any, end: bytes
) -> None:
    content = mark + unicodedata.normalize(form, ACCENTS).encode() + end
    _, printed, _ = run(["encode", "--format", "jsonl"], content)
    row = json.loads(printed)
    expected = SentenceTransformer(str(encoder_folder), device="cpu").encode([ACCENTS])
    assert row["text"] == ACCENTS
    np.testing.assert_allclose([row["vector"]], expected, atol=1e-5)


def test_a_query_and_two_sentences_are_read_as_lines_are(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    other = "\ufeff" + unicodedata.normalize("NFD", ACCENTS)
    (tmp_path / "corpus.txt").write_text(f"{ACCENTS}\nuno\n", encoding="utf-8")
    assert run(["search", "--corpus", "corpus.txt", "--top", "1", other])[1] == f"1\t1.000000\t{ACCENTS}\n"
    cosine, *_, first, second = run(["similarity", other, ACCENTS])[1].splitlines()[1].split("\t")
    assert (cosine, first, second) == ("1.000000", ACCENTS, ACCENTS)


WORDS = [
    (["encode", "--model", "nowhere/at/all"], b"", "nowhere/at/all: not there; give a folder"),
    (["encode", "--out", "v.csv"], b"", "name it .parquet, .npy, .jsonl, or give --format"),
    (["encode", "--out", "."], b"", "--out .: unknown format"),
    (["encode", "--out", "folder.npy"], b"", "--out folder.npy: a folder; give the name of a file in it"),
    (["encode", "--out", "/dev/null", "--format", "npy"], b"", "--out /dev/null: not a regular file; redirect"),
    (["encode", "--out", "file/a/v.npy"], b"", "file is not a folder; give another place"),
    (["encode", "--out", "/proc/none/v.npy"], b"", "--out /proc/none/v.npy: No such file or directory; nothing was"),
    (["encode", "--out", "x" * 300, "--format", "npy"], b"", "File name too long"),
    (["similarity", "uno"], b"", "1 given: give two"),
    (["similarity", "uno", " "], b"", "sentence 2: blank; give a sentence"),
    (["similarity", "uno", "sí\udcff"], b"", r"sentence 2: 'sí\udcff' is not UTF-8; give it in UTF-8"),
    (["similarity"], b"", "no pair"),
    (["similarity"], b"uno\tdos\nuno dos\n", "standard input, line 2: two sentences with a tab"),
    (
        ["similarity"],
        b"uno\t\xff\n",
        "standard input, line 1: two sentences with a tab between them are needed, in UTF-8",
    ),
    (["search", "--corpus", "text"], b"\n", "no query"),
    (
        ["search", "--corpus", "text"],
        "\n¿Qué?\n".encode("latin-1"),
        "standard input, line 2: not UTF-8 (invalid start byte at byte 0); if it is Latin-1 or Windows' encoding, "
        "convert it: iconv -f WINDOWS-1252 -t UTF-8",
    ),
    (["search", "--corpus", "text", "uno", "\udcff"], b"", r"query 2: '\udcff' is not UTF-8; give it in UTF-8"),
    (["search", "--corpus", "text", ""], b"", "query 1: blank; give a sentence"),
    (["search", "--corpus", "none.txt", "hola"], b"", "--corpus none.txt: not there; give a text file"),
    (
        ["search", "--corpus", "folder.npy", "hola"],
        b"",
        "--corpus folder.npy: a folder without _index.json; give a text file",
    ),
    (["search", "--corpus", "/proc/self/mem", "hola"], b"", "--corpus /proc/self/mem: Input/output error; give a text"),
    (["search", "--corpus", "empty", "hola"], b"", "--corpus empty: no line with a text among 0; give one that has"),
    (["search", "--corpus", "blank", "hola"], b"", "--corpus blank: no line with a text among 2; give one that has"),
    (["search", "--corpus", "v.npy", "hola"], b"", "--corpus v.npy: search reads vectors in Parquet alone; encode"),
    (["search", "--corpus", "v.jsonl", "hola"], b"", "--corpus v.jsonl: search reads vectors in Parquet alone; encode"),
    (["search", "--corpus", "none.parquet", "hola"], b"", "--corpus none.parquet: not there"),
    (
        ["search", "--corpus", "torn.parquet", "hola"],
        b"",
        "--corpus torn.parquet: cut off, damaged, or no Parquet file",
    ),
    (
        ["search", "--corpus", "text.parquet", "hola"],
        b"",
        "--corpus text.parquet: cut off, damaged, or no Parquet file",
    ),
    (
        ["search", "--corpus", "damaged.parquet", "hola"],
        b"",
        "--corpus damaged.parquet: cut off, damaged, or no Parquet file",
    ),
    (["search", "--corpus", "no.parquet", "hola"], b"", "--corpus no.parquet: no columns text and vector"),
    (["search", "--corpus", "wide.parquet", "hola"], b"", "they are string and list<"),
    (["search", "--corpus", "bytes.parquet", "hola"], b"", "they are binary and fixed_size_list<"),
    (["search", "--corpus", "flat.parquet", "hola"], b"", "--corpus flat.parquet: no columns text and vector"),
    (
        ["search", "--corpus", "short.parquet", "hola"],
        b"",
        "short.parquet: vectors of 2 dimensions, the model's have 32",
    ),
    (["search", "--corpus", "nan.parquet", "hola"], b"", "nan.parquet, row 2: a text whose vector is missing or holds"),
    (["search", "--corpus", "null.parquet", "hola"], b"", "null.parquet, row 3: a text whose vector is missing or"),
    (["search", "--corpus", "zero.parquet", "hola"], b"", "zero.parquet: no line with a text among 0; give one"),
    (["onnx", "--out", "folder.npy"], b"", "folder.npy: already exists; remove it, or give another --out"),
    (["onnx", "--out", "file/onnx"], b"", "file is not a folder; give another place"),
    (["onnx", "--out", "onnx", "--model", "w.vec"], b"", "w.vec: no modules.json; not an encoder's folder"),
    (["static", "--out", "folder.npy"], b"", "folder.npy: already exists; remove it, or give another --out"),
    (["static", "--out", "static", "--model", "w.vec"], b"", "w.vec: no modules.json; not an encoder's folder"),
    (["similarity", "a", "a", "--model", "w.vec"], b"", "w.vec, line 1: could not convert string to float"),
    (["encode", "--model", "model.bin"], b"", "model.bin: a file that is neither word vectors"),
    (["encode", "--model", "graph.onnx"], b"", "no modules.json"),
    (["encode", "--model", "empty-model"], b"", "empty-model"),
]


def stored(path: str, texts: Any, vectors: Any) -> None:
    pq.write_table(pa.table([texts, vectors], ["text", "vector"]), path)


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Path]]:
    """What is wrong with the files of WORDS; gives what lies in the folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("folder.npy", "empty-model"):
        Path(folder).mkdir()
    contents = {"file": "x", "text": "uno\n", "empty": "", "blank": "\n \n", "v.jsonl": "{}\n", "w.vec": "a 1 x\n"}
    for name, content in contents.items():
        Path(name).write_text(content)
    for name in ("model.bin", "graph.onnx"):
        Path(name).write_bytes(b"\0\1")
    np.save("v.npy", np.ones((2, 32), np.float32))
    two, many = pa.list_(pa.float32(), 2), pa.list_(pa.float32(), 32)
    fixed = pa.array([[1, 2]] * 3, two)
    texts = pa.array(["uno", "dos", "tres"])
    stored("short.parquet", texts, fixed)
    stored("wide.parquet", texts, fixed.cast(pa.list_(pa.float32())))
    stored("bytes.parquet", texts.cast(pa.binary()), fixed)
    stored("flat.parquet", texts, pa.array([[]] * 3, pa.list_(pa.float32(), 0)))
    stored("nan.parquet", texts, pa.array([[1.0] * 32, [float("nan")] * 32, None], many))
    stored("null.parquet", texts, pa.array([[1.0] * 32, [1.0] * 32, None], many))
    stored("zero.parquet", texts[:0], pa.array([], many))
    pq.write_table(pa.table({"text": texts}), "no.parquet")
    whole = Path("nan.parquet").read_bytes()
    Path("torn.parquet").write_bytes(whole[:-9])
    Path("text.parquet").write_text("uno\n")
    Path("damaged.parquet").write_bytes(whole[:4] + bytes(byte ^ 255 for byte in whole[4:60]) + whole[60:])
    yield set(tmp_path.rglob("*"))


@pytest.mark.parametrize(("words", "content", "told"), WORDS, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_a_sentence_with_its_remedy_and_nothing_is_written(
    run: Callable[..., tuple[int, str, str]],
    inputs: set[Path],
    tmp_path: Path,
    words: list[str],
    content: bytes,
    told: str,
) -> None:
    more = ["--any-model"] if words[0] == "search" else []
    status, printed, error = run([*words, *more], content)
    *before, last = error.splitlines()
    assert (status, printed) == (1, "")
    assert told in last
    assert all(line.endswith("lines are blank or not UTF-8: they have no vector") for line in before)
    assert set(tmp_path.rglob("*")) == inputs


@pytest.mark.parametrize(
    "words",
    [
        ["encode", "--out", "folder.npy"],
        ["encode", "--out", "file/v.npy"],
        ["encode", "--out", "v.csv"],
        ["search", "--corpus", "none", "hola"],
        ["search", "--corpus", "torn.parquet", "hola"],
        ["search", "--corpus", "text", ""],
        ["similarity", "uno", ""],
    ],
)
def test_what_can_be_known_before_the_model_is_read_is_told_before(
    run: Callable[..., tuple[int, str, str]], inputs: set[Path], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(commands, "load_system", lambda *_: pytest.fail("the model was read"))
    assert run(words)[0] == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_to_is_told_before_the_model_is_read(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "load_system", lambda *_: pytest.fail("the model was read"))
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "may not be written to; give another place" in run(["encode", "--out", "closed/v.npy"])[2]


@pytest.mark.parametrize("number", ["0", "x", "1.5", "99999999999999999999", ""])
@pytest.mark.parametrize("option", ["encode --chunk", "search --corpus x --top", "search --corpus x --chunk"])
def test_a_number_that_is_none_is_refused(number: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*option.split(), number])
    assert f"{option.split()[-1]}: {number}: a whole number from 1 to 2147483648 is needed" in capsys.readouterr().err


def test_more_lines_than_there_are_is_all_of_them_and_a_bad_query_is_told(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "corpus.txt").write_bytes(b"uno\n\xff\n\ndos\n")
    status, printed, error = run(["search", "--corpus", "corpus.txt", "--top", "9"], b"uno\n\n\xff\n")
    assert (status, printed.count("\n")) == (0, 2)
    assert error.splitlines() == [
        "standard input: 2 of 3 lines are blank or not UTF-8: no queries",
        "--corpus corpus.txt: 2 of 4 lines are blank or not UTF-8: they have no vector",
    ]


@pytest.mark.parametrize("words", [["encode", "--format", "jsonl"], ["similarity", "uno", "dos"], ["search", "uno"]])
def test_a_model_whose_vectors_are_no_numbers_is_refused(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    class Spoilt:
        usage = Usage()

        def encode(self, texts: list[str], **_: object) -> Any:
            return np.full((len(texts), 2), np.inf, np.float32)

    monkeypatch.setattr(commands, "load_system", lambda *_: Spoilt())
    (tmp_path / "text").write_text("uno\n")
    more = ["--corpus", "text"] if words[0] == "search" else []
    status, printed, error = run([*words, *more], b"uno\n")
    assert (status, printed) == (1, "")
    assert (
        error == "ModelError: --model: its vectors hold values that are not numbers; train it again, or give another\n"
    )


def test_another_form_of_a_character_would_have_another_vector(encoder_folder: Path) -> None:
    """What the test of forms is worth: the encoder itself tells them apart."""
    encoder = Encoder.load(encoder_folder)
    one, other, marked = encoder.encode([ACCENTS, unicodedata.normalize("NFD", ACCENTS), "\ufeff" + ACCENTS])
    assert pairwise([one], [other])["cosine"] < 0.999
    assert pairwise([one], [marked])["cosine"] < 0.999


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("kind", ["parquet", "npy", "jsonl", "search", "similarity", "--help"])
def test_a_full_disk_behind_standard_output_is_told(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "text").write_text("uno\n")
    words = {
        "search": ["search", "--corpus", "text", "uno"],
        "similarity": ["similarity", "uno", "dos"],
        "--help": ["--help"],
    }
    out = FULL.open("w")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        status, _, error = run(words.get(kind, ["encode", "--format", kind]), b"uno\n" * 2000)
    assert status == 1
    assert error.startswith("DataError: standard output: No space left on device; the output is incomplete")
    assert error.count("\n") == 1
    out.close()  # as Python does at its end: what is still held back goes nowhere


@pytest.mark.parametrize("kind", ["parquet", "npy", "jsonl"])
def test_a_full_disk_behind_out_is_told(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("terna.serving.cli.streams.replacing", lambda out, writer: nullcontext(FULL))
    status, _, error = run(["encode", "--out", f"v.{kind}"], b"uno\n" * 2000)
    assert (status, list(tmp_path.iterdir())) == (1, [])
    assert error == f"DataError: --out v.{kind}: No space left on device; nothing was written. Give another place\n"


def test_closed_streams_are_told(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, encoder_folder: Path
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", None)
        assert run(["similarity", "uno", "dos"])[2] == "DataError: standard output is closed; redirect it to a file\n"
        assert run(["encode", "--out", "v.npy"], b"uno\n")[0] == 0
    monkeypatch.setattr(sys, "stdin", None)
    for words in (["encode", "--format", "jsonl"], ["similarity"], ["search", "--corpus", "v.npy"]):
        monkeypatch.setattr(sys, "stderr", told := io.StringIO())
        assert main([*words, "--model", str(encoder_folder)]) == 1
        assert told.getvalue() == "DataError: standard input is closed; give lines on it\n"
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["similarity", "--model", str(encoder_folder)]) == 1
    sys.stderr.close()


@pytest.mark.slow
def test_a_process_whose_standard_output_is_full_says_nothing_more_as_it_ends(encoder_folder: Path) -> None:
    words = [sys.executable, "-m", "terna", "similarity", "uno", "dos", "--model", str(encoder_folder)]
    with FULL.open("wb") as out:
        done = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


BROKEN = {
    "config.json": b"{",
    "tokenizer.json": b"{}",
    "modules.json": b"{}",
    "sentence_bert_config.json": b"[",
    "1_Pooling/config.json": b"",
}


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
        "tokenizer.json",
        "model.safetensors",
    ],
)
def test_a_broken_file_of_a_model_is_a_sentence(
    run: Callable[..., tuple[int, str, str]], encoder_folder: Path, tmp_path: Path, name: str
) -> None:
    model = shutil.copytree(encoder_folder, tmp_path / "model")
    whole = (model / name).read_bytes()
    (model / name).write_bytes(BROKEN.get(name, whole[: len(whole) // 2]))
    status, printed, error = run(["similarity", "uno", "dos"], model=model)
    assert (status, printed) == (1, "")
    assert str(model) in error
    assert "Traceback" not in error
