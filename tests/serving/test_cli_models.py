"""Vectors say which model they are from; a path that is not there is not asked of the hub."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from empty_hub import environment, hub
from sentence_transformers import SentenceTransformer, util

from terna.encoder import Encoder, save
from terna.serving.cli import main
from terna.serving.cli.fingerprint import KEY, fingerprint

Make = Callable[..., Encoder]
LINES = ["Hola.", "El tren llega tarde.", "El tren viene con retraso."]
QUERY = "El tren llega tarde."


@pytest.fixture(scope="module")
def other_folder(make_encoder: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another encoder, with vectors of the same width."""
    folder: Path = tmp_path_factory.mktemp("other") / "encoder"
    save(make_encoder("model.pooling=max"), folder)
    return folder


@pytest.fixture
def encode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A function that encodes LINES by a model into a file of a name, with more words of the command."""

    def run(model: Path, name: str, *more: str) -> Path:
        content = "".join(f"{line}\n" for line in LINES).encode()
        monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": content.splitlines(keepends=True)}))
        assert main(["encode", "--model", str(model), "--out", str(tmp_path / name), *more]) == 0
        return tmp_path / name

    return run


@pytest.fixture(scope="module")
def prompted_folder(make_encoder: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with a prompt of queries and one of documents, none by default."""
    folder: Path = tmp_path_factory.mktemp("prompted") / "encoder"
    save(make_encoder('model.prompts={query:"busca: ",document:"texto: "}'), folder)
    return folder


def searched(model: Path, corpus: Path, *more: str) -> int:
    return main(["search", "--model", str(model), "--corpus", str(corpus), *more, QUERY])


def test_vectors_of_another_model_of_the_same_width_are_refused_with_both_names(
    encoder_folder: Path,
    other_folder: Path,
    encode: Callable[[Path, str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = encode(other_folder, "v.parquet")
    assert pq.read_schema(corpus).field("vector").type.list_size == Encoder.load(encoder_folder).dimension
    assert searched(encoder_folder, corpus) == 1
    marks = [fingerprint(str(folder), folder) for folder in (other_folder, encoder_folder)]
    told = capsys.readouterr().err
    assert f"vectors of {marks[0].model} (sha256 {marks[0].sha256[:12]}…)" in told
    assert f"not of {marks[1].model} (sha256 {marks[1].sha256[:12]}…); give the model that they are from" in told
    assert searched(other_folder, corpus) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"1\t1.000000\t{QUERY}"
    assert searched(encoder_folder, corpus, "--any-model") == 0


def test_a_model_that_was_trained_anew_in_its_place_is_another(
    make_encoder: Make,
    encode: Callable[[Path, str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(make_encoder(), tmp_path / "encoder")
    corpus = encode(tmp_path / "encoder", "v.parquet")
    save(make_encoder("model.pooling=cls"), tmp_path / "encoder")
    assert searched(tmp_path / "encoder", corpus) == 1
    assert "or encode the lines again" in capsys.readouterr().err


def test_a_copy_of_the_folder_is_the_same_model_with_a_card_and_a_graph_in_it_or_without(
    encoder_folder: Path, encode: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    corpus, copy = encode(encoder_folder, "v.parquet"), tmp_path / "release" / "encoder"
    shutil.copytree(encoder_folder, copy)
    for name in ("README.md", "lineage.json", "metrics/sts.json", "onnx/model.onnx", "onnx/model_qint8.onnx", ".git/x"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(name)
    assert searched(copy, corpus) == 0
    graphs = {fingerprint("x", copy / "onnx" / name).sha256 for name in ("model.onnx", "model_qint8.onnx")}
    assert len(graphs | {fingerprint("x", copy).sha256}) == 3


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json", "sentence_bert_config.json"])
def test_a_file_that_decides_the_vectors_makes_another_model(encoder_folder: Path, tmp_path: Path, name: str) -> None:
    before = fingerprint("x", shutil.copytree(encoder_folder, tmp_path / "copy")).sha256
    path = tmp_path / "copy" / name
    path.write_bytes(path.read_bytes() + b" ")
    assert fingerprint("x", tmp_path / "copy").sha256 != before


def test_word_vectors_are_known_by_their_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.vec", "two.vec", "three.vec")]
    for path, text in zip(files, ("sopa 1 0\n", "sopa 1 0\n", "sopa 1 2\n"), strict=True):
        path.write_text(text)
    found = [fingerprint("x", path).sha256 for path in files]
    assert found == [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("metadata", [None, {b"pandas": b"{}"}, {KEY: b"[]"}, {KEY: b"{"}, {KEY: b'{"model": "x"}'}])
def test_vectors_that_do_not_say_whose_they_are_need_a_word_that_they_are(
    encoder_folder: Path,
    tmp_path: Path,
    encode: Callable[[Path, str], Path],
    capsys: pytest.CaptureFixture[str],
    metadata: dict[bytes, bytes] | None,
) -> None:
    corpus = encode(encoder_folder, "v.parquet")
    pq.write_table(pq.read_table(corpus).replace_schema_metadata(metadata), corpus)
    assert searched(encoder_folder, corpus) == 1
    assert "it does not record which model its vectors are from" in capsys.readouterr().err
    assert searched(encoder_folder, corpus, "--any-model") == 0


@pytest.mark.parametrize("name", ["v.npy", "v.jsonl"])
def test_beside_other_formats_a_json_file_says_what_the_schema_says_in_parquet(
    encoder_folder: Path,
    other_folder: Path,
    encode: Callable[[Path, str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    encode(other_folder, name)
    encode(encoder_folder, name)
    encode(encoder_folder, "v.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"{name}.json", "v.parquet"])
    beside = json.loads((tmp_path / f"{name}.json").read_text())
    assert beside == json.loads(pq.read_schema(tmp_path / "v.parquet").metadata[KEY])
    assert beside["sha256"] == fingerprint(str(encoder_folder), encoder_folder).sha256
    monkeypatch.setattr("terna.serving.cli.commands.write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "Full")))
    with pytest.raises(AssertionError):
        encode(other_folder, name)
    assert not (tmp_path / f"{name}.json").exists()  # rather none than that of the vectors before


def test_other_vectors_of_the_right_shape_are_searched_as_sentence_transformers_does(
    encoder_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder, drawn = Encoder.load(encoder_folder), np.random.default_rng(3)
    vectors = drawn.normal(size=(50, encoder.dimension)).astype(np.float32)
    kind = pa.list_(pa.float32(), encoder.dimension)
    columns = [[f"línea {n}" for n in range(50)], pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), type=kind)]
    pq.write_table(pa.table(columns, ["text", "vector"]), tmp_path / "v.parquet", row_group_size=7)
    assert searched(encoder_folder, tmp_path / "v.parquet", "--any-model", "--top", "60", "--chunk", "9") == 0
    found = [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()]
    [hits] = util.semantic_search(encoder.encode([QUERY]), vectors, top_k=60)
    assert found == [f"línea {hit['corpus_id']}" for hit in hits]


COMMANDS = ["encode", "search --corpus corpus.txt hola", "similarity uno dos", "onnx --out onnx", "demo --port 0"]
COMMANDS += ["static --out static"]
PATHS = ["models/encoder", "models/onnx", "./encoder", "../encoder", "owner/name", "encoder", "models/encoder/"]
PATHS += ["models/nothing@x", "./encoder@main", "here/nothing@main", "a/b/c@main"]
ASK = """
import json, sys
from terna.serving.cli import main
for words in json.loads(sys.argv[1]):
    print(main(words), flush=True)
"""


def test_what_is_not_there_is_not_asked_of_the_hub_by_any_command(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("uno\n")
    (tmp_path / "here").mkdir()
    asked_for = [[], *(["--model", path] for path in PATHS)]
    many = [[*command.split(), *model] for command in COMMANDS for model in asked_for]
    # without which it could be a hub that cannot be asked
    named = ["similarity", "uno", "dos", "--model", "owner/meant@main"]
    with hub() as (address, asked):
        env = environment(address, tmp_path / "home")
        words = [sys.executable, "-c", ASK, json.dumps([*many, named])]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, input="")
    assert done.stdout.split() == ["1"] * (len(many) + 1), done.stderr
    told = done.stderr.splitlines()
    assert sum("not there; give a folder" in line and "`make run` trains" in line for line in told) == len(many)
    assert "Traceback" not in done.stderr
    assert asked
    assert all("owner/meant" in path for path in asked), asked


@pytest.mark.parametrize(
    ("words", "prompt"), [(["--prompt-name", "document"], "texto: "), (["--prompt", "busca: "], "busca: "), ([], "")]
)
def test_lines_are_encoded_with_a_prompt_by_name_or_by_text(
    prompted_folder: Path, encode: Callable[..., Path], words: list[str], prompt: str
) -> None:
    corpus = encode(prompted_folder, "v.parquet", *words)
    expected = SentenceTransformer(str(prompted_folder), device="cpu").encode(LINES, prompt=prompt)
    found = np.stack(pq.read_table(corpus)["vector"].to_numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert json.loads(pq.read_schema(corpus).metadata[KEY])["prompt"] == prompt


def test_a_prompt_that_there_is_not_is_refused_with_the_names_there_are(
    prompted_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": [b"uno\n"]}))
    assert main(["encode", "--model", str(prompted_folder), "--format", "jsonl", "--prompt-name", "passage"]) == 1
    assert "no prompt of the model is named 'passage'; there are query, document" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["encode", "--prompt", "x", "--prompt-name", "query"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["txt", "parquet"])
def test_a_search_puts_the_prompts_of_queries_and_of_documents(
    prompted_folder: Path,
    encode: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    (tmp_path / "v.txt").write_text("".join(f"{line}\n" for line in LINES))
    corpus = tmp_path / "v.txt" if kind == "txt" else encode(prompted_folder, "v.parquet", "--prompt-name", "document")
    assert searched(prompted_folder, corpus) == 0
    reference = SentenceTransformer(str(prompted_folder), device="cpu")
    [hits] = util.semantic_search(reference.encode_query([QUERY]), reference.encode_document(LINES))
    found = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line for *_, line in found] == [LINES[int(hit["corpus_id"])] for hit in hits]
    assert [float(score) for _, score, _ in found] == pytest.approx([hit["score"] for hit in hits], abs=1e-5)


def test_vectors_with_another_prompt_than_documents_have_are_refused(
    prompted_folder: Path, encode: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = encode(prompted_folder, "v.parquet")
    assert searched(prompted_folder, corpus) == 1
    told = capsys.readouterr().err
    assert "vectors of lines after the prompt ''" in told
    assert "encode the lines with --prompt 'texto: ', or give --any-model" in told
    assert searched(prompted_folder, corpus, "--any-model") == 0


def test_vectors_of_another_precision_are_refused(
    encoder_folder: Path, encode: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = encode(encoder_folder, "half.parquet", "--precision", "bfloat16")
    assert searched(encoder_folder, corpus) == 1
    assert "vectors computed in bfloat16, and the queries are in float32; give --precision bfloat16" in (
        capsys.readouterr().err
    )
    assert searched(encoder_folder, corpus, "--precision", "bfloat16") == 0
    assert searched(encoder_folder, corpus, "--any-model") == 0
    beside = json.loads(
        (encode(encoder_folder, "half.npy", "--precision", "bfloat16").with_name("half.npy.json")).read_text()
    )
    assert beside["precision"] == "bfloat16"


def test_a_precision_that_a_file_cannot_have_is_refused(
    encode: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words.vec").write_text("1 2\ntren 1 0\n")
    words = ["similarity", "tren", "tren", "--model", str(tmp_path / "words.vec"), "--precision", "bfloat16"]
    assert main(words) == 1
    assert "bfloat16 is for an encoder's folder, and this is a file; give float32" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["similarity", "tren", "tren"],
        ["demo", "--port", "0"],
        ["encode"],
        ["encode-files", "--from", "in.txt", "--out", "out"],
    ],
)
def test_a_device_is_refused_for_a_file_that_computes_on_the_cpu_alone(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terna.settings.devices.available", lambda: ["cuda:0", "cpu"])
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": [b"tren\n"]}))
    (tmp_path / "words.vec").write_text("1 2\ntren 1 0\n")
    assert main([*command, "--model", str(tmp_path / "words.vec"), "--device", "cuda"]) == 1
    assert "words.vec computes on the CPU alone; give an encoder's folder" in capsys.readouterr().err
