"""The commands on real processes and streams, against sentence-transformers."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer, util

import terna
from terna.encoder import Encoder, Usage
from terna.metrics.similarity import SIMILARITIES
from terna.serving.cli import commands, main

LINES = ["Hola.", "¿Qué tal estás hoy?", "El tren llega tarde.", "El tren viene con retraso.", "Hola."]


@pytest.fixture(scope="module")
def oracle(encoder_folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(encoder_folder), device="cpu")


class Stream(io.TextIOWrapper):
    """Standard input with these bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(content))


def text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.slow
def test_a_shell_pipes_lines_into_a_parquet_file_in_silence(
    encoder_folder: Path, oracle: SentenceTransformer, tmp_path: Path
) -> None:
    with (tmp_path / "vectors.parquet").open("wb") as out:
        words = [sys.executable, "-m", "terna", "encode", "--model", str(encoder_folder)]
        done = subprocess.run(words, input=text(LINES), stdout=out, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    table = pq.read_table(tmp_path / "vectors.parquet")
    assert table["text"].to_pylist() == LINES
    np.testing.assert_allclose(np.stack(table["vector"].to_numpy()), oracle.encode(LINES), atol=1e-5)


@pytest.mark.parametrize("chunk", ["1", "2", "8192"])
@pytest.mark.parametrize("kind", ["parquet", "npy", "jsonl"])
def test_a_bad_line_has_no_vector_is_counted_and_moves_no_other(
    encoder_folder: Path,
    oracle: SentenceTransformer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    chunk: str,
) -> None:
    given(monkeypatch, b"Hola.\n\xff\xfe\n  \r\nEl tren llega tarde.\r\nsin fin de l\xc3\xadnea")
    path = tmp_path / f"vectors.{kind}"
    assert main(["encode", "--model", str(encoder_folder), "--out", str(path), "--chunk", chunk]) == 0
    assert "standard input: 2 of 5 lines are blank or not UTF-8" in capsys.readouterr().err
    texts, vectors = read(path)
    assert texts in (None, ["Hola.", None, None, "El tren llega tarde.", "sin fin de línea"])
    assert np.isnan(vectors[[1, 2]]).all()
    good = oracle.encode(["Hola.", "El tren llega tarde.", "sin fin de línea"])
    np.testing.assert_allclose(vectors[[0, 3, 4]], good, atol=1e-5)


def read(path: Path) -> tuple[list[str | None] | None, Any]:
    """The texts, where there are some, and the vectors with NaN in place of none."""
    if path.suffix == ".npy":
        return None, np.load(path)
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        texts, vectors = [row["text"] for row in rows], [row["vector"] for row in rows]
    else:
        table = pq.read_table(path)
        texts, vectors = table["text"].to_pylist(), table["vector"].to_pylist()
    dimension = len(next(vector for vector in vectors if vector is not None))
    return texts, np.array([vector or [np.nan] * dimension for vector in vectors], np.float32)


def test_all_formats_hold_the_same_bits(encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for kind in ("parquet", "npy", "jsonl"):
        given(monkeypatch, text(LINES))
        assert main(["encode", "--model", str(encoder_folder), "--out", str(tmp_path / f"v.{kind}")]) == 0
        found.append(read(tmp_path / f"v.{kind}")[1])
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("kind", ["parquet", "npy"])
def test_nothing_in_gives_an_empty_table(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    given(monkeypatch, b"")
    path = tmp_path / f"v.{kind}"
    assert main(["encode", "--model", str(encoder_folder), "--out", str(path)]) == 0
    assert len(np.load(path) if kind == "npy" else pq.read_table(path)) == 0


@pytest.fixture
def stubbed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """A function that has a test's own system loaded, from a folder that it returns."""

    def stub(system: Any) -> str:
        folder = tmp_path_factory.mktemp("stub")
        (folder / "config.json").write_text("{}")
        monkeypatch.setattr(commands, "load_system", lambda *_: system)
        return str(folder)

    return stub


def test_a_chunk_is_written_before_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubbed: Callable[[Any], str]
) -> None:
    happened: list[str] = []

    def lines() -> Iterator[bytes]:
        for number in range(7):
            happened.append("read")
            yield f"{number}\n".encode()

    class Stub:
        usage = Usage()

        def encode(self, texts: Sequence[str], **_: object) -> Any:
            happened.append(f"encoded {len(texts)}")
            return np.ones((len(texts), 2), np.float32)

    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": lines()}))
    assert main(["encode", "--model", stubbed(Stub()), "--chunk", "3", "--out", str(tmp_path / "v.npy")]) == 0
    three = ["read"] * 3 + ["encoded 3"]
    assert happened == ["encoded 1", *three, *three, "read", "encoded 1"]


def stop(signal_of: int) -> None:
    os.kill(os.getpid(), signal_of)


@pytest.mark.parametrize(
    ("happens", "status", "told"),
    [
        (lambda: stop(signal.SIGINT), 130, "stopped by Ctrl-C"),
        (lambda: stop(signal.SIGTERM), 143, "stopped by SIGTERM"),
        (lambda: np.ones(1 << 50), 1, "MemoryError: not enough memory; give a smaller --chunk"),
        (lambda: Path("/no/such").read_text(), 1, "FileNotFoundError: /no/such: No such file or directory"),
    ],
    ids=["Ctrl-C", "SIGTERM", "memory", "file"],
)
@pytest.mark.parametrize("kind", ["parquet", "npy", "jsonl"])
def test_what_fails_midway_is_a_sentence_and_leaves_the_old_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    stubbed: Callable[[Any], str],
    kind: str,
    happens: Callable[[], object],
    status: int,
    told: str,
) -> None:
    class Stub:
        usage = Usage()

        def encode(self, texts: Sequence[str], **_: object) -> Any:
            if texts == ["malo"]:
                happens()
            return np.ones((len(texts), 2), np.float32)

    words = ["encode", "--model", stubbed(Stub()), "--chunk", "1", "--format", kind]
    (tmp_path / "v").write_text("old")
    for more in (["--out", str(tmp_path / "v")], []):
        given(monkeypatch, text(["bueno", "malo"]))
        assert main([*words, *more]) == status
        printed, error = capfdbinary.readouterr()
        assert error.decode().startswith(told)
        assert error.count(b"\n") == 1
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
    with pytest.raises((ValueError, OSError, EOFError)):  # the half of it on standard output is not taken for the whole
        pq.read_table(pa.BufferReader(printed)) if kind == "parquet" else np.load(io.BytesIO(printed))


@pytest.mark.parametrize("stored", [False, True], ids=["text", "parquet"])
def test_search_finds_what_sentence_transformers_finds(
    encoder_folder: Path,
    oracle: SentenceTransformer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stored: bool,
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(b"\xff\n" + text(LINES[:-1]))
    if stored:
        given(monkeypatch, corpus.read_bytes())
        assert main(["encode", "--model", str(encoder_folder), "--out", str(tmp_path / "corpus.parquet")]) == 0
        corpus = tmp_path / "corpus.parquet"
    capsys.readouterr()
    queries = ["El tren se retrasa.", "Hola."]
    words = ["search", "--model", str(encoder_folder), "--corpus", str(corpus), "--top", "3", "--chunk", "2", *queries]
    assert main(words) == 0
    printed = capsys.readouterr().out.splitlines()
    hits = util.semantic_search(oracle.encode(queries), oracle.encode(LINES[:-1]), top_k=3)
    for query, own, rows in zip(queries, hits, (printed[:4], printed[4:]), strict=True):
        assert rows[0] == query
        for rank, (hit, row) in enumerate(zip(own, rows[1:], strict=True), start=1):
            place, score, line = row.split("\t")
            assert (int(place), line) == (rank, LINES[int(hit["corpus_id"])])
            assert float(score) == pytest.approx(hit["score"], abs=1e-5)


def test_of_equals_the_first_lines_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stubbed: Callable[[Any], str]
) -> None:
    class Stub:
        usage = Usage()

        def encode(self, texts: Sequence[str], **_: object) -> Any:
            return np.ones((len(texts), 2), np.float32)

    (tmp_path / "corpus.txt").write_bytes(text(["c", "a", "d", "b"]))
    words = ["search", "--model", stubbed(Stub()), "--corpus", str(tmp_path / "corpus.txt"), "--chunk", "3"]
    assert main([*words, "--top", "2", "x"]) == 0
    assert [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["c", "a"]


def test_similarity_is_that_of_sentence_transformers(
    encoder_folder: Path,
    oracle: SentenceTransformer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given(monkeypatch, text(["\t".join(LINES[:2]), "\t".join(LINES[2:4])]))
    assert main(["similarity", "--model", str(encoder_folder)]) == 0
    header, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header == [*SIMILARITIES, "sentence1", "sentence2"]
    first, second = oracle.encode([LINES[0], LINES[2]]), oracle.encode([LINES[1], LINES[3]])
    for place, name in enumerate(SIMILARITIES):
        theirs = util.pairwise_cos_sim if name == "cosine" else getattr(util, f"pairwise_{name}_sim", None)
        theirs = util.pairwise_dot_score if name == "dot" else theirs
        assert [float(row[place]) for row in rows] == pytest.approx(theirs(first, second).tolist(), abs=2e-5)


def test_two_sentences_are_compared_as_a_pair_of_lines_is(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["similarity", "--model", str(encoder_folder), *LINES[2:4]]) == 0
    told = capsys.readouterr().out
    given(monkeypatch, text(["\t".join(LINES[2:4])]))
    assert main(["similarity", "--model", str(encoder_folder)]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(encoder_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_bytes(text([f"línea {number}" for number in range(500)]))
    asked = f"--model {encoder_folder} --corpus {tmp_path}/corpus.txt --top 500 a b c d e f g h"
    words = f"{sys.executable} -m terna search {asked}"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {words} | head -1"], capture_output=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a\n", b"")


def test_a_few_lines_of_python_do_the_same(encoder_folder: Path, oracle: SentenceTransformer) -> None:
    vectors = terna.Encoder.load(encoder_folder).encode(LINES)
    np.testing.assert_allclose(vectors, oracle.encode(LINES), atol=1e-5)
    assert terna.Encoder is Encoder
    with pytest.raises(AttributeError, match="no attribute 'Encodr'"):
        _ = terna.Encodr
