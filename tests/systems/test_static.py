"""A static encoder gives sentence-transformers' vectors, and the one that is distilled is model2vec's."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_inputs import edited
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoModel

from terna.encoder import Encoder, Usage, save
from terna.encoder.packing import arrange
from terna.errors import ModelError
from terna.serving import static_export
from terna.serving.cli import main
from terna.serving.demo.answers import Answers
from terna.systems import load_system
from terna.systems.static import StaticEncoder

Make = Callable[..., Encoder]
WORDS = ["[UNK]", "[PAD]", "el", "perro", "duerme", "##s", ".", "la", "leña", "de", "horno", "consulta", ":"]
TEXTS = [
    "El perro duerme.",
    "",
    "perros",
    "un gato \u4e00 🚂 que nadie conoce",
    "   ",
    " ".join(["La leña de horno."] * 300),
    "El perro duerme.",
    "[UNK] [PAD] perro",
]


def tokenizer(kind: str) -> Tokenizer:
    """Lower-cases; pads, as many files say, and cuts at 700 tokens."""
    ids = {word: number for number, word in enumerate(WORDS)}
    found = {
        "WordPiece": Tokenizer(models.WordPiece(ids, unk_token="[UNK]")),
        "WordLevel": Tokenizer(models.WordLevel(ids, unk_token="[UNK]")),
        "Unigram": Tokenizer(models.Unigram([(word, -1.0) for word in WORDS], unk_id=0)),
    }[kind]
    found.normalizer = normalizers.Lowercase()
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    found.add_special_tokens(["[UNK]", "[PAD]"])
    found.enable_padding(pad_id=1, pad_token="[PAD]")
    found.enable_truncation(700)
    return found


def made(folder: Path, kind: str = "WordPiece", after: tuple[Any, ...] = (), **options: Any) -> Path:
    """A folder that sentence-transformers saved."""
    table = np.random.default_rng(3).normal(size=(len(WORDS), 8)).astype(np.float32)
    static = StaticEmbedding(tokenizer(kind), embedding_weights=table)
    SentenceTransformer(modules=[static, *after], device="cpu", **options).save(str(folder), create_model_card=False)
    return folder


MADE: dict[str, dict[str, Any]] = {
    "pieces of words": {},
    "words": {"kind": "WordLevel"},
    "a unigram model": {"kind": "Unigram"},
    "unit length": {"after": (Normalize(),)},
    "a dense module": {"after": (Dense(8, 5), Normalize())},
    "a default prompt": {"prompts": {"query": "consulta: "}, "default_prompt_name": "query"},
    "vectors that are cut": {"after": (Normalize(),), "truncate_dim": 3},
}


@pytest.mark.parametrize("name", MADE)
def test_the_vectors_are_those_of_sentence_transformers(tmp_path: Path, name: str) -> None:
    torch.manual_seed(5)
    folder = made(tmp_path / "static", **MADE[name])
    ours, neighbour = load_system(str(folder)), SentenceTransformer(str(folder), device="cpu")
    for texts in (TEXTS, TEXTS[1:2], TEXTS[5:6]):
        found, expected = ours.encode(texts), neighbour.encode(texts)
        assert (found.dtype, found.shape) == (np.float32, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(ours.encode(TEXTS, prompt="la "), neighbour.encode(TEXTS, prompt="la "), atol=1e-6)
    assert ours.encode([]).shape == (0, expected.shape[1])


def test_a_text_is_cut_where_the_tokenizer_says_and_many_texts_go_through_in_order(tmp_path: Path) -> None:
    folder = made(tmp_path / "static")
    system = load_system(str(folder))
    long = ["leña " * 700 + "horno", "leña " * 700, "leña " * 699 + "horno"]
    first, second, third = system.encode(long)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 1e-4
    many = [f"{TEXTS[n % 3]} perro {'horno ' * (n % 5)}" for n in range(9000)]
    np.testing.assert_allclose(
        system.encode(many)[[0, 8191, 8192, 8999]],
        np.concatenate([system.encode([many[n]]) for n in (0, 8191, 8192, 8999)]),
        atol=1e-7,
    )


def test_what_is_saved_again_is_the_same(tmp_path: Path) -> None:
    folder = made(tmp_path / "static", after=(Dense(8, 5), Normalize()), prompts={"query": "consulta: "})
    StaticEncoder.load(folder).save(tmp_path / "again")
    found = SentenceTransformer(str(tmp_path / "again"), device="cpu")
    assert found.prompts["query"] == "consulta: "
    np.testing.assert_allclose(found.encode(TEXTS), load_system(str(folder)).encode(TEXTS), atol=1e-6)


def test_a_table_of_model2vec_in_half_precision_is_read(tmp_path: Path) -> None:
    folder = made(tmp_path / "static")
    expected = load_system(str(folder)).encode(TEXTS)
    table = load_file(folder / "model.safetensors")["embedding.weight"]
    save_file({"embeddings": table.half()}, folder / "model.safetensors")
    np.testing.assert_allclose(load_system(str(folder)).encode(TEXTS), expected, atol=2e-3)


def rewritten(change: Callable[[torch.Tensor], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(change(load_file(file)["embedding.weight"]), file)

    return edit


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a module that is not read": (
        lambda folder: (folder / "modules.json").write_text(
            (folder / "modules.json").read_text().replace("Normalize", "WordWeights")
        ),
        r"modules\.json: modules StaticEmbedding, WordWeights, Dense; StaticEmbedding and then any of Dense",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), r"tokenizer\.json: cannot be used"),
    "a tokenizer cut off": (
        lambda folder: (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:300]),
        r"tokenizer\.json: cannot be used",
    ),
    "a vocabulary without its token for unknown words": (
        lambda folder: (folder / "tokenizer.json").write_text(
            (folder / "tokenizer.json").read_text().replace('"unk_token": "[UNK]"', '"unk_token": "[OTHER]"')
        ),
        r"tokenizer\.json: cannot be used .*Missing \[UNK\]",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors: not there; save"),
    "weights cut off": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-5]),
        r"model\.safetensors: \d+ bytes, but its header states \d+",
    ),
    "fewer rows than tokens": (
        rewritten(lambda table: {"embedding.weight": table[:-1]}),
        r"model\.safetensors: 12 rows, but tokenizer\.json has a token 12",
    ),
    "a quantised vocabulary": (
        rewritten(lambda table: {"embeddings": table[:4], "mapping": torch.zeros(13, dtype=torch.long)}),
        r"model\.safetensors: embeddings, mapping; one matrix, embedding\.weight or embeddings, can be read",
    ),
    "no matrix": (rewritten(lambda table: {"embedding.weight": table[0]}), "one matrix, embedding.weight"),
    **{
        f"a table of {dtype}": (
            rewritten(lambda table, dtype=dtype: {"embedding.weight": table.to(dtype)}),
            rf"model\.safetensors: embedding\.weight of {dtype}, but one of torch\.float16, .* is expected; distil it",
        )
        for dtype in (torch.int8, torch.float8_e4m3fn, torch.complex64)
    },
    "a value that is not a number": (
        rewritten(lambda table: {"embedding.weight": table * float("nan")}),
        r"model\.safetensors: embedding\.weight has values that are not numbers",
    ),
    "a dense module of another size": (
        edited("2_Dense/config.json", in_features=7),
        r"(2_Dense|modules do not fit each other)",
    ),
    "an unknown option": (
        edited("config_sentence_transformers.json", whiten=True),
        r"config_sentence_transformers\.json: whiten: True",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_cannot_be_honoured_is_refused_by_file_and_key(tmp_path: Path, name: str) -> None:
    folder = made(tmp_path / "static", after=(Normalize(), Dense(8, 5)))
    damage, told = DAMAGED[name]
    damage(folder)
    with pytest.raises(ModelError, match=told):
        load_system(str(folder))


@pytest.fixture
def distil() -> Any:
    """model2vec's function; skips where it is not installed."""
    pytest.importorskip("skeletoken", reason="pip install -e '.[static]'")
    return pytest.importorskip("model2vec.distill", reason="pip install -e '.[static]'").distill_from_model


@pytest.mark.parametrize(("pooling", "theirs"), [("mean", "mean"), ("cls", "first")])
def test_what_is_distilled_is_what_model2vec_distils(
    make_encoder: Make, sentences: list[str], tmp_path: Path, distil: Any, pooling: str, theirs: str
) -> None:
    save(make_encoder(f"model.pooling={pooling}"), tmp_path / "encoder")
    written = static_export.write(tmp_path / "encoder", tmp_path / "static", dimensions=12)
    backbone = AutoModel.from_pretrained(tmp_path / "encoder")
    expected = distil(
        backbone,
        Encoder.load(tmp_path / "encoder").tokenizer,
        device="cpu",
        pca_dims=12,
        quantize_to="float32",
        pooling=theirs,
    )
    np.testing.assert_allclose(written.table, expected.embedding, atol=1e-4)
    neighbour = SentenceTransformer(str(tmp_path / "static"), device="cpu")
    found = load_system(str(tmp_path / "static")).encode([*sentences, ""])
    np.testing.assert_allclose(found, neighbour.encode([*sentences, ""]), atol=1e-6)
    np.testing.assert_allclose(found[:-1], expected.encode(sentences), atol=1e-4)  # no token is unknown here


def test_pooling_and_head_count_and_prompts_do_not(make_encoder: Make, tmp_path: Path, distil: Any) -> None:
    kinds = ["model.pooling=max", "model.dense={out_features:12,activation:tanh}"]
    encoder = make_encoder(*kinds, 'model.prompts={query:"query: ",document:"passage: ",default:query}')
    save(encoder, tmp_path / "encoder")
    written = static_export.write(tmp_path / "encoder", tmp_path / "static")
    assert Usage.read(tmp_path / "static") == Usage()
    # numpy's principal components of the pieces, each between the special tokens, and Zipf's weights
    pieces = [written.tokenizer.id_to_token(n) for n in range(len(written.table))]
    numbers = encoder.tokenizer.convert_tokens_to_ids(pieces)
    first, last = encoder.tokenizer("a")["input_ids"][:: len(encoder.tokenizer("a")["input_ids"]) - 1]
    ids = np.array([[first, number, last] for number in numbers]).ravel()
    with torch.no_grad():
        vectors = encoder(arrange(ids, [3] * len(pieces), len(ids)), skip=0).double().numpy()
    centred = vectors - vectors.mean(0)
    ranks = 1 / np.arange(2, len(pieces) + 2)
    weights = 1e-4 / (1e-4 + ranks / ranks.sum())
    weighted = centred * weights[:, None]  # all components are kept: a rotation, which no inner product sees
    np.testing.assert_allclose(written.table @ written.table.T, weighted @ weighted.T, atol=1e-5)


def test_from_a_shell_and_as_a_system(
    make_encoder: Make, tmp_path: Path, distil: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    save(make_encoder(), tmp_path / "encoder")
    (tmp_path / "encoder" / "LICENSE").write_text("mine")
    (tmp_path / "encoder" / "README.md").write_text("figures of the encoder")
    out = str(tmp_path / "static")
    assert main(["static", "--model", str(tmp_path / "encoder"), "--out", out, "--dimensions", "8"]) == 0
    told, silence = capsys.readouterr()
    where, pieces, dimensions, size = told.removesuffix("\n").split("\t")
    assert (where, dimensions, silence) == (out, "8 dimensions", "")
    assert int(pieces.split()[0]) > 100 and size.endswith(" MiB")
    assert (tmp_path / "static" / "LICENSE").read_text() == "mine"
    assert not (tmp_path / "static" / "README.md").exists()
    assert main(["similarity", "--model", out, "Hola.", "Hola."]) == 0
    assert float(capsys.readouterr().out.splitlines()[1].split("\t")[0]) == pytest.approx(1, abs=1e-5)
    assert Answers(load_system(out), "static").example()["model"] == "static"
    for option, value in (("--device", "cuda"), ("--precision", "bfloat16")):
        assert main(["similarity", "--model", out, "Hola.", "Hola.", option, value]) == 1
        assert value in capsys.readouterr().err
    assert static_export.write(tmp_path / "encoder", tmp_path / "other", dimensions=8).dimension == 8
    files = [path.relative_to(out) for path in Path(out).rglob("*") if path.is_file()]
    assert len(files) >= 5
    for path in files:
        assert (tmp_path / "other" / path).read_bytes() == (Path(out) / path).read_bytes()


def test_what_is_refused_leaves_nothing(
    make_encoder: Make, tmp_path: Path, distil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(make_encoder(), tmp_path / "encoder")
    with pytest.raises(ModelError, match="encoder: already exists; remove it, or give another --out"):
        static_export.write(tmp_path / "encoder", tmp_path / "encoder")
    with pytest.raises(ModelError, match=r"--dimensions 33: .*encoder has 32; give no more"):
        static_export.write(tmp_path / "encoder", tmp_path / "static", dimensions=33)
    wide = "model.scratch={vocab_size:320,hidden_size:512,layers:1,heads:2,intermediate_size:16}"
    save(make_encoder(wide), tmp_path / "wide")
    with pytest.raises(ModelError, match=r"--dimensions 400: as many components need more than \d+ pieces; give fewer"):
        static_export.write(tmp_path / "wide", tmp_path / "static", dimensions=400)
    shutil.rmtree(tmp_path / "wide")
    monkeypatch.setattr("skeletoken.TokenizerModel.from_transformers_tokenizer", lambda _: {}["no such kind"])
    with pytest.raises(ModelError, match=r"encoder: model2vec cannot distil it \(.*no such kind.*\); give another"):
        static_export.write(tmp_path / "encoder", tmp_path / "static")
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]


@pytest.mark.parametrize("package", ["model2vec", "skeletoken"])
def test_it_says_what_to_install(
    encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "model2vec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["static", "--model", str(encoder_folder), "--out", str(tmp_path / "static")]) == 1
    assert "pip install -e '.[static]'" in capsys.readouterr().err
    assert not (tmp_path / "static").exists()
