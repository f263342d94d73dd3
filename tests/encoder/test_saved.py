"""What is written loads with sentence-transformers and with AutoModel, and gives the same vectors."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import RemBertConfig, RemBertModel
from translator_inputs import fit

from terna.encoder import Dense, Encoder, save, saved
from terna.encoder.head import read_module, write_module
from terna.errors import ModelError

Make = Callable[..., Encoder]
KINDS = {
    "mean": ["model.pooling=mean"],
    "cls": ["model.pooling=cls"],
    "max": ["model.pooling=max"],
    "dense": ["model.dense={out_features:12,activation:tanh}"],
    "identity": ["model.dense={out_features:12,activation:identity}"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_ours_and_sentence_transformers_give_the_same_vectors(
    make_encoder: Make, sentences: list[str], tmp_path: Path, kind: str
) -> None:
    encoder = make_encoder(*KINDS[kind])
    save(encoder, tmp_path / "encoder")
    before, loaded = encoder.encode(sentences), Encoder.load(tmp_path / "encoder")
    np.testing.assert_allclose(loaded.encode(sentences), before, atol=1e-7)
    neighbour = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    assert neighbour.max_seq_length == encoder.max_length
    np.testing.assert_allclose(neighbour.encode(sentences), before, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_sentence_transformers_wrote_can_be_read(
    make_encoder: Make, sentences: list[str], tmp_path: Path, kind: str
) -> None:
    save(make_encoder(*KINDS[kind]), tmp_path / "ours")
    neighbour = SentenceTransformer(str(tmp_path / "ours"), device="cpu")
    neighbour.save(str(tmp_path / "theirs"), create_model_card=False)
    loaded = Encoder.load(tmp_path / "theirs")
    np.testing.assert_allclose(loaded.encode(sentences), neighbour.encode(sentences), atol=1e-5)


def test_a_tokenizer_that_transformers_writes_as_another_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """Of a sentencepiece file without [CLS] and [SEP]."""
    sizes = {"vocab_size": 200, "hidden_size": 8, "input_embedding_size": 8, "output_embedding_size": 8}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    RemBertModel(RemBertConfig(**sizes, **layers)).save_pretrained(tmp_path / "own")
    fit(tmp_path)[0].rename(tmp_path / "own" / "sentencepiece.model")
    kind = {"tokenizer_class": "RemBertTokenizer"}
    (tmp_path / "own" / "tokenizer_config.json").write_text(json.dumps(kind))
    encoder = Encoder.load(tmp_path / "own")
    with pytest.raises(
        ModelError, match=r"own: its tokenizer gives other ids once .*; give a backbone with a tokenize"
    ):
        save(encoder, tmp_path / "written")
    assert not [path for path in tmp_path.iterdir() if "written" in path.name]


def test_a_dense_has_the_numbers_of_its_file_in_float32_and_of_its_own(tmp_path: Path) -> None:
    made = Dense(5, 3, nn.Tanh(), residual=True)
    write_module(made.half(), tmp_path)
    read = read_module("Dense", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(bytes((tmp_path / "model.safetensors").stat().st_size))
    assert {name: value.dtype for name, value in read.state_dict().items()} == dict.fromkeys(
        made.state_dict(), torch.float32
    )
    for name, value in read.named_parameters():
        assert value.requires_grad
        assert torch.equal(value, made.state_dict()[name].float())


def test_two_saves_are_the_same_bytes_whatever_was_encoded_before(
    make_encoder: Make, sentences: list[str], tmp_path: Path
) -> None:
    encoder = make_encoder("model.dense={out_features:12,activation:tanh}")
    save(encoder, tmp_path / "first")
    encoder.encode(sentences)
    save(encoder, tmp_path / "second")
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    assert not [path for path in first if path.suffix in (".bin", ".pkl", ".pt")]


def test_a_failed_save_leaves_the_old_folder(
    make_encoder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make_encoder()
    save(encoder, tmp_path / "encoder")
    old = (tmp_path / "encoder" / "modules.json").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(saved, "save_tokenizer", fail)
    with pytest.raises(OSError, match="disk full"):
        save(encoder, tmp_path / "encoder")
    assert (tmp_path / "encoder" / "modules.json").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]
