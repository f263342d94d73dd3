"""LoRA: only adapters learn, and what is exported is a plain backbone with the vectors that were trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from training_inputs import fit, settings_for

from terna.encoder import Encoder, save
from terna.errors import ModelError
from terna.settings import Lora, Settings
from terna.training.adapters import adapt, merge

Make = Callable[..., Encoder]
LORA = Lora(rank=4, alpha=8.0, dropout=0.1)


@pytest.fixture
def settings(root: Path) -> Settings:
    return settings_for(root, "train.epochs=2", "train.lr=0.01", "train.lora={rank:4,alpha:8.0,dropout:0.1}")


def test_only_adapters_and_the_head_learn(make_encoder: Make, settings: Settings) -> None:
    encoder = make_encoder("model.dense={out_features:8,activation:tanh}")
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    adapt(encoder, LORA)
    learning = {name for name, each in encoder.named_parameters() if each.requires_grad}
    assert len(learning) == 2 * 6 * 2 + 2  # two layers of six linear maps, two matrices each, and the head's two
    assert all("lora_" in name or name.startswith("head.") for name in learning)
    fit(encoder, settings)
    after = {name.replace(".base_layer", ""): value for name, value in encoder.state_dict().items()}
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert changed == {"head.0.linear.weight", "head.0.linear.bias"}


def test_merged_it_is_a_plain_backbone_with_the_vectors_that_were_trained(
    make_encoder: Make, settings: Settings, sentences: list[str], tmp_path: Path
) -> None:
    encoder = make_encoder()
    untouched, names = encoder.encode(sentences), set(encoder.state_dict())
    adapt(encoder, LORA)
    np.testing.assert_allclose(encoder.encode(sentences), untouched, atol=1e-6)  # adapters start from nothing
    fit(encoder, settings)
    trained = encoder.eval().encode(sentences)
    assert np.abs(trained - untouched).max() > 1e-3
    merge(encoder)
    assert set(encoder.state_dict()) == names
    np.testing.assert_allclose(encoder.encode(sentences), trained, atol=1e-5)
    save(encoder, tmp_path / "encoder")
    assert not list((tmp_path / "encoder").glob("adapter*"))
    shipped = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").encode(sentences)
    np.testing.assert_allclose(shipped, trained, atol=1e-5)


def test_without_peft_the_remedy_is_named(make_encoder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ModelError, match=r"train\.lora: .*pip install -e '\.\[lora\]'"):
        adapt(make_encoder(), LORA)
