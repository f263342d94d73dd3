"""Vectors that are cut and quantized, and the search among them, against sentence-transformers and plain numpy."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer, quantize_embeddings
from sentence_transformers.sentence_transformer.modules import Normalize

from terna.metrics.similarity import SIMILARITIES
from terna.serving.cli import commands, main
from terna.serving.cli.fingerprint import KEY

LINES = [f"El tren {number % 17} llega {word}." for number in range(30) for word in ("tarde", "pronto")]
QUERIES = ["El tren se retrasa.", "Hola."]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs a command in an empty folder: its status, what it printed, what it told."""

    def command(*words: str, content: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": content.splitlines(keepends=True)}))
        return main(words), *capsys.readouterr()

    return command


@pytest.fixture
def encode(run: Run, encoder_folder: Path) -> Callable[..., str]:
    """A function that encodes LINES, the first of them a bad one, with more words of the command; gives the file."""

    def encoded(*more: str, model: Path = encoder_folder, name: str = "v.parquet") -> str:
        content = b"\xff\n" + "".join(f"{line}\n" for line in LINES).encode()
        assert run("encode", "--model", str(model), "--out", name, "--chunk", "16", *more, content=content)[0] == 0
        return name

    return encoded


@pytest.fixture(scope="module", params=["as pooled", "normalised"])
def model(request: pytest.FixtureRequest, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "as pooled":
        return encoder_folder
    folder: Path = tmp_path_factory.mktemp("normalised") / "encoder"
    plain = SentenceTransformer(str(encoder_folder), device="cpu")
    SentenceTransformer(modules=[*plain, Normalize()], device="cpu").save(str(folder))
    return folder


def stored(path: str) -> tuple[Any, Any, dict[str, Any]]:
    """Vectors of LINES as numpy reads them, their scales if there are some, and the metadata."""
    table = pq.read_table(path).slice(1)
    scales = table["scale"].to_numpy() if "scale" in table.column_names else None
    return np.array(table["vector"].to_pylist()), scales, json.loads(table.schema.metadata[KEY])


def meant(path: str, dimensions: int) -> Any:
    """What the stored vectors stand for, in float64, by plain numpy."""
    values, scales, mark = stored(path)
    if mark["vectors"] == "binary":
        return 2.0 * np.unpackbits(values.astype(np.uint8), axis=1)[:, :dimensions] - 1
    return values.astype(np.float64) * (1 if scales is None else scales[:, None].astype(np.float64))


def scores(query: Any, vectors: Any, measure: str) -> Any:
    """Of one query with each vector, one by one."""
    by = {
        "cosine": lambda one: query @ one / np.linalg.norm(query) / np.linalg.norm(one),
        "dot": lambda one: query @ one,
        "euclidean": lambda one: -np.linalg.norm(query - one),
        "manhattan": lambda one: -np.abs(query - one).sum(),
    }
    return np.array([by[measure](one) for one in vectors])


def printed(out: str) -> list[list[tuple[str, float]]]:
    """Lines and scores, by query."""
    found: list[list[tuple[str, float]]] = []
    for row in out.splitlines():
        if "\t" in row:
            _, score, line = row.split("\t")
            found[-1].append((line, float(score)))
        else:
            found.append([])
    return found


@pytest.mark.parametrize("name", ["v.parquet", "v.npy", "v.jsonl"])
def test_the_first_dimensions_are_those_of_truncate_dim(encode: Callable[..., str], model: Path, name: str) -> None:
    path = encode("--dimensions", "12", model=model, name=name)
    expected = SentenceTransformer(str(model), device="cpu", truncate_dim=12).encode(LINES)
    if name == "v.npy":
        found = np.load(path)[1:]
    elif name == "v.jsonl":
        found = np.array([json.loads(line)["vector"] for line in Path(path).read_text().splitlines()[1:]])
    else:
        found, _, mark = stored(path)
        assert (mark["dimensions"], mark["vectors"]) == (12, "float32")
    assert found.shape == expected.shape == (len(LINES), 12)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("dimensions", [32, 12, 1])
def test_signs_are_packed_as_sentence_transformers_packs_them(encode: Callable[..., str], dimensions: int) -> None:
    whole = stored(encode())[0].astype(np.float32)[:, :dimensions]
    found, scales, mark = stored(encode("--vectors", "binary", "--dimensions", str(dimensions)))
    assert scales is None and (mark["dimensions"], mark["vectors"]) == (dimensions, "binary")
    np.testing.assert_array_equal(found, quantize_embeddings(whole, "ubinary"))


def test_in_int8_each_value_is_off_by_half_a_scale_at_most(encode: Callable[..., str]) -> None:
    whole = stored(encode())[0]
    found, scales, mark = stored(encode("--vectors", "int8"))
    assert mark["vectors"] == "int8" and pq.read_schema("v.parquet").field("vector").type.value_type == pa.int8()
    assert (np.abs(found).max(axis=1) == 127).all()
    assert (np.abs(found * scales[:, None] - whole) <= scales[:, None] * 0.5001).all()
    assert pq.read_table("v.parquet").slice(0, 1).to_pylist() == [{"text": None, "vector": None, "scale": None}]


@pytest.mark.parametrize("measure", SIMILARITIES)
@pytest.mark.parametrize("kind", ["float32", "int8", "binary"])
@pytest.mark.parametrize("dimensions", [32, 12])
def test_search_ranks_by_what_is_stored(
    run: Run, encode: Callable[..., str], encoder_folder: Path, kind: str, dimensions: int, measure: str
) -> None:
    encode("--vectors", kind, "--dimensions", str(dimensions))
    words = ["search", "--model", str(encoder_folder), "--corpus", "v.parquet", "--chunk", "7", "--top", "9"]
    status, out, _ = run(*words, "--measure", measure, *QUERIES)
    assert status == 0
    queries = SentenceTransformer(str(encoder_folder), device="cpu").encode(QUERIES)[:, :dimensions]
    for query, found in zip(queries.astype(np.float64), printed(out), strict=True):
        due = scores(query, meant("v.parquet", dimensions), measure)
        # of equals the first: their last digits differ with numpy's order of sums, and the encoder's with its batches
        order = np.argsort(-due.round(4), kind="stable")[:9]
        assert [score for _, score in found] == pytest.approx(due[order], rel=1e-4, abs=1e-4)
        given = [due[LINES.index(line)] for line, _ in found]
        assert given == pytest.approx(due[order], rel=1e-4, abs=1e-4)


def test_rescoring_ranks_what_the_small_vectors_found_by_the_whole_ones(
    run: Run, encode: Callable[..., str], encoder_folder: Path
) -> None:
    whole = stored(encode())[0].astype(np.float64)
    words = ["search", "--model", str(encoder_folder), "--top", "3", *QUERIES]
    _, exact, _ = run(*words, "--corpus", "v.parquet")
    encode("--vectors", "binary", "--dimensions", "12", name="b.parquet")
    small = [*words, "--corpus", "b.parquet"]
    assert run(*small)[1] != exact
    assert run(*small, "--rescore", "100")[1] == exact  # all lines are encoded again
    _, out, _ = run(*small, "--rescore", "4", "--chunk", "5")
    queries = SentenceTransformer(str(encoder_folder), device="cpu").encode(QUERIES).astype(np.float64)
    for query, found in zip(queries, printed(out), strict=True):
        near = np.argsort(-scores(query[:12], meant("b.parquet", 12), "cosine").round(9), kind="stable")[:12]
        due = scores(query, whole[near], "cosine")
        assert [score for _, score in found] == pytest.approx(np.sort(due)[::-1][:3], abs=1e-5)
        assert {line for line, _ in found} <= {LINES[place] for place in near}


def test_files_from_before_vectors_were_cut_are_read_as_they_were(
    run: Run, encode: Callable[..., str], encoder_folder: Path
) -> None:
    encode()
    words = ["search", "--model", str(encoder_folder), "--corpus", "v.parquet", *QUERIES]
    before = run(*words)
    table = pq.read_table("v.parquet")
    mark = json.loads(table.schema.metadata[KEY])
    del mark["dimensions"], mark["vectors"]
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(mark)}), "v.parquet")
    assert before[0] == 0 and run(*words) == before


@pytest.mark.parametrize(
    ("says", "kind", "told"),
    [
        (40, "float32", "v.parquet: vectors of 40 dimensions, the model's have 32; encode the corpus with the same"),
        (5, "float32", "v.parquet: vectors of 5 dimensions, the model's have 32; encode the corpus with the same"),
        (17, "binary", "v.parquet: vectors of 17 dimensions, the model's have 32; encode the corpus with the same"),
        (None, "float32", "v.parquet: vectors of 12 dimensions, the model's have 32; encode the corpus with the same"),
        (0, "float32", "v.parquet: vectors of 0 dimensions"),
    ],
)
def test_vectors_of_other_dimensions_than_the_file_says_or_the_model_has_are_refused(
    run: Run, encode: Callable[..., str], encoder_folder: Path, says: int | None, kind: str, told: str
) -> None:
    encode("--dimensions", "12", "--vectors", kind)
    table = pq.read_table("v.parquet")
    mark = json.loads(table.schema.metadata[KEY]) | {"dimensions": says}
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(mark)}), "v.parquet")
    status, out, error = run("search", "--model", str(encoder_folder), "--corpus", "v.parquet", "hola")
    assert (status, out) == (1, "") and told in error


def test_a_corpus_without_scales_or_with_a_missing_one_is_refused(
    run: Run, encode: Callable[..., str], encoder_folder: Path
) -> None:
    encode("--vectors", "int8")
    table, words = pq.read_table("v.parquet"), ["search", "--model", str(encoder_folder), "--corpus", "v.parquet", "x"]
    pq.write_table(table.drop_columns("scale"), "v.parquet")
    assert "no columns text and vector that encode wrote" in run(*words)[2]
    missing = pa.array([None, *table["scale"].to_pylist()[1:5], None, *table["scale"].to_pylist()[6:]], pa.float32())
    pq.write_table(table.set_column(2, "scale", missing), "v.parquet")
    assert "v.parquet, row 6: a text whose vector is missing" in run(*words)[2]


def test_a_text_stays_on_its_line_and_in_its_column(run: Run, encode: Callable[..., str], encoder_folder: Path) -> None:
    encode()
    table, text = pq.read_table("v.parquet"), "uno\n1\t1.000000\tdos\r\\n"
    pq.write_table(table.set_column(0, "text", pa.array([None, *[text] * len(LINES)], pa.string())), "v.parquet")
    status, out, _ = run(
        "search", "--model", str(encoder_folder), "--corpus", "v.parquet", "--top", "2", "a\tb", "a\nb"
    )
    assert status == 0
    first, *found, second, _, _ = out.removesuffix("\n").split("\n")
    assert (first, second) == (r"a\tb", r"a\nb")
    assert [row.split("\t")[::2] for row in found] == [[rank, r"uno\n1\t1.000000\tdos\r\n"] for rank in "12"]
    status, out, _ = run("similarity", "--model", str(encoder_folder), "a\tb", "a\nb")
    assert (status, out.count("\n"), out.split()[-2:]) == (0, 2, [r"a\tb", r"a\nb"])


REFUSED = [
    (["encode", "--dimensions", "33", "--format", "jsonl"], "--dimensions 33: the model's vectors have 32; give that"),
    (["encode", "--vectors", "int8", "--out", "v.npy"], "--vectors int8: in Parquet alone, and this is npy; give --fo"),
    (["encode", "--vectors", "binary", "--format", "jsonl"], "--vectors binary: in Parquet alone, and this is jsonl"),
    (["search", "--corpus", "text", "--rescore", "2", "x"], "--rescore 2: --corpus text gives the model's whole vecto"),
    (["search", "--corpus", "v.parquet", "--rescore", "2", "x"], "v.parquet gives the model's whole vectors; leave it"),
    (
        ["search", "--corpus", "text", "--index", "i", "x"],
        "--index i: for vectors that encode wrote in Parquet, and --",
    ),
    (
        ["search", "--corpus", "v.parquet", "--index", "v.parquet", "x"],
        "--index v.parquet: part of the corpus itself; gi",
    ),
    (
        ["search", "--corpus", "v.parquet", "--index", ".", "x"],
        "--index .: a folder; give a file of its own, as vectors.f",
    ),
    (
        ["search", "--corpus", "v.parquet", "--index", "i", "--measure", "dot", "x"],
        "--index i: for --measure cosine al",
    ),
]


@pytest.mark.parametrize(("words", "told"), REFUSED)
def test_what_cannot_be_honoured_is_refused(
    run: Run, encode: Callable[..., str], encoder_folder: Path, words: list[str], told: str
) -> None:
    encode()
    Path("text").write_text("uno\n")
    status, out, error = run(*words, "--model", str(encoder_folder), content=b"uno\n")
    assert (status, out, error.count("\n")) == (1, "", 1) and told in error
    assert sorted(path.name for path in Path().iterdir()) == ["text", "v.parquet"]


@pytest.mark.parametrize("option", ["encode --dimensions", "search --corpus x --rescore"])
@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
def test_a_number_that_is_none_is_refused(option: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*option.split(), f"{number}"])
    told = capsys.readouterr().err
    assert f"{number}: a whole number from 1 to" in told


def test_another_way_to_store_vectors_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["encode", "--vectors", "int4"])
    assert "invalid choice: 'int4' (choose from" in capsys.readouterr().err


def test_without_faiss_the_error_names_the_extra_before_the_model_is_read(
    run: Run, encode: Callable[..., str], encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode()
    monkeypatch.setattr(commands, "load_system", lambda *_: pytest.fail("the model was read"))
    monkeypatch.setitem(sys.modules, "faiss", None)
    status, _, error = run("search", "--model", str(encoder_folder), "--corpus", "v.parquet", "--index", "i", "x")
    assert status == 1
    assert error.startswith("ModelError: --index: faiss cannot be imported")
    assert error.endswith("; pip install -e '.[faiss]'\n")
