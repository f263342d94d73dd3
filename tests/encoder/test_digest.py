"""model.sha256 pins the weights that training starts from: those that are read, and no others."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from folder_inputs import Folder, edited, weights
from safetensors.torch import load_file
from transformers import AutoModel

from terna.encoder import build_encoder, load_tokenizer
from terna.errors import ModelError
from terna.settings import Model, Vocabulary

POOLINGS = ["mean", None]


@pytest.fixture(params=[True, False], ids=["saved", "plain"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Folder(listed=request.param).make(tmp_path)


def pinned(folder: Path, pooling: str | None, sha256: str | None = None) -> Model:
    digest = sha256 or hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    plain = Model(str(folder), 24, pooling, None, None, None, Vocabulary(None, None), None)  # type: ignore[arg-type]
    return replace(plain, sha256=digest)


def refusal(model: Model) -> str:
    with pytest.raises(ModelError) as caught:
        load_tokenizer(model, [])
    return str(caught.value)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_weights_that_are_pinned_are_read(folder: Path, pooling: str | None) -> None:
    model = pinned(folder, pooling)
    found = build_encoder(model, load_tokenizer(model, [])).backbone.get_input_embeddings().weight
    held = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert found.equal(held)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_other_weights_are_refused_by_their_digest_and_nothing_else(folder: Path, pooling: str | None) -> None:
    model = pinned(folder, pooling)
    weights(lambda tensors: tensors["embeddings.word_embeddings.weight"].mul_(2))(folder)
    changed = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    message = refusal(model)
    assert message.startswith(f"model.sha256: {folder / 'model.safetensors'} has the sha256 {changed}, expected ")
    assert message.endswith("to theirs or to null")
    with pytest.raises(ModelError, match=r"^model\.sha256: "):
        build_encoder(model, load_tokenizer(replace(model, sha256=None), []))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_weights_in_several_files_cannot_be_pinned(folder: Path, pooling: str | None) -> None:
    model = pinned(folder, pooling)
    whole = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    whole.save_pretrained(folder, max_shard_size="10KB")
    assert (folder / "model.safetensors.index.json").is_file()
    assert refusal(model) == f"model.sha256: {folder / 'model.safetensors'} is not there; set model.sha256 to null"


def test_a_configuration_cannot_name_other_weights(folder: Path) -> None:
    edited("config.json", transformers_weights="other.safetensors")(folder)
    (folder / "other.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert "config.json: transformers_weights: 'other.safetensors', but" in refusal(pinned(folder, "mean"))
