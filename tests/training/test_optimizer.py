"""Decay on matrices alone, and a rate that falls from layer to layer, in the module trees of five families."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
)

from terna.encoder import Dense, Encoder
from terna.errors import ModelError
from terna.training.optimizer import parameter_groups

Make = Callable[..., Encoder]
Groups = list[dict[str, Any]]

SHAPE = {"vocab_size": 320, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
SMALL = {**SHAPE, "num_hidden_layers": 3, "max_position_embeddings": 20}
# a small model of the family; how the names of its layers begin; parts of the names of what lies below them, above them
FAMILIES: dict[str, tuple[Callable[[], PreTrainedModel], str, tuple[str, ...], tuple[str, ...]]] = {
    "BERT": (lambda: BertModel(BertConfig(**SMALL)), "encoder.layer.", ("embeddings.",), ()),
    "RoBERTa": (lambda: RobertaModel(RobertaConfig(**SMALL)), "encoder.layer.", ("embeddings.",), ()),
    "DistilBERT": (
        lambda: DistilBertModel(DistilBertConfig(vocab_size=320, dim=16, n_heads=2, hidden_dim=24, n_layers=3)),
        "transformer.layer.",
        ("embeddings.",),
        (),
    ),
    "MPNet": (
        lambda: MPNetModel(MPNetConfig(**SMALL)),
        "encoder.layer.",
        ("embeddings.", "encoder.relative_attention_bias."),
        (),
    ),
    "ModernBERT": (
        lambda: ModernBertModel(ModernBertConfig(**SMALL, pad_token_id=0)),
        "layers.",
        ("embeddings.",),
        ("final_norm.",),
    ),
}


def encoder_on(backbone: PreTrainedModel, tokenizer: Any) -> Encoder:
    return Encoder(backbone, tokenizer, pooling="mean", max_length=16, head=[Dense(16, 8, nn.Tanh())])


def settings_by_name(encoder: Encoder, groups: Groups) -> dict[str, tuple[float, float]]:
    """The rate and the decay of each parameter; no parameter may stand in two groups."""
    names = {id(parameter): name for name, parameter in encoder.named_parameters()}
    found = [(names[id(p)], (group["lr"], group["weight_decay"])) for group in groups for p in group["params"]]
    assert len(found) == len(dict(found))
    return dict(found)


def test_decay_is_on_all_but_biases_and_norms_and_no_parameter_is_left_out(make_encoder: Make) -> None:
    encoder = make_encoder("model.dense={out_features:8,activation:tanh}")
    decayed, kept = parameter_groups(encoder, 0.01, lr=1e-3)
    assert decayed["lr"] == kept["lr"] == 1e-3
    names = {id(parameter): name for name, parameter in encoder.named_parameters()}
    assert {decayed["weight_decay"], kept["weight_decay"]} == {0.01, 0.0}
    assert all("bias" not in names[id(p)] and "LayerNorm" not in names[id(p)] for p in decayed["params"])
    assert all("bias" in names[id(p)] or "LayerNorm" in names[id(p)] for p in kept["params"])
    trainable = {name for name in names.values() if "pooler" not in name}
    assert {names[id(p)] for p in [*decayed["params"], *kept["params"]]} == trainable


def test_without_layer_decay_the_groups_are_those_of_a_single_rate(make_encoder: Make) -> None:
    encoder = make_encoder()
    trainable = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    matrices, vectors = parameter_groups(encoder, 0.02, lr=3e-4, layer_decay=1.0)
    for group, expected in ((matrices, lambda p: p.ndim > 1), (vectors, lambda p: p.ndim <= 1)):
        assert [id(p) for p in group["params"]] == [id(p) for p in trainable if expected(p)]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rate_falls_from_the_head_to_the_embeddings(make_encoder: Make, family: str) -> None:
    make, layers, below, above = FAMILIES[family]
    encoder = encoder_on(make(), make_encoder().tokenizer)
    groups = parameter_groups(encoder, 0.01, lr=1.0, layer_decay=0.5)
    assert groups[0]["lr"] == 1.0
    found = settings_by_name(encoder, groups)
    assert set(found) == {name for name, p in encoder.named_parameters() if p.requires_grad}
    rates = {2: 1.0, 1: 0.5, 0: 0.25}
    seen = set()
    for name, (rate, decay) in found.items():
        inner = name.removeprefix("backbone.")
        if inner.startswith(layers):
            place = int(inner.removeprefix(layers).split(".")[0])
            seen.add(place)
            assert rate == rates[place], name
        elif inner.startswith(below):
            assert rate == 0.125, name
        else:
            assert name.startswith("head.") or inner.startswith(above), name
            assert rate == 1.0, name
        assert decay == (0.01 if encoder.get_parameter(name).ndim > 1 else 0.0), name
    assert seen == {0, 1, 2}


def test_a_step_moves_each_layer_by_its_rate(make_encoder: Make) -> None:
    """Of Adam's first step the rate alone decides how far it goes."""
    encoder = make_encoder()
    before = {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    optimizer = torch.optim.AdamW(parameter_groups(encoder, 0.0, lr=1e-2, layer_decay=0.1))
    for parameter in encoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for part, rate in {"encoder.layer.1.": 1e-2, "encoder.layer.0.": 1e-3, "embeddings.": 1e-4}.items():
        moved = [
            (before[name] - parameter.detach()).flatten()
            for name, parameter in encoder.named_parameters()
            if name.startswith(f"backbone.{part}")
        ]
        torch.testing.assert_close(torch.cat(moved), torch.full_like(torch.cat(moved), rate), rtol=1e-2, atol=1e-6)


class Twofold(torch.nn.Module):
    """Attentions in one list, what follows each in another, as XLM has them."""

    def __init__(self, attentions: int, followers: int) -> None:
        super().__init__()
        self.attentions = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(attentions))
        self.followers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(followers))


@pytest.mark.parametrize(("attentions", "followers", "lists"), [(3, 3, "2"), (0, 0, "no")])
def test_layers_that_cannot_be_told_are_refused(attentions: int, followers: int, lists: str) -> None:
    model = Twofold(attentions, followers)
    with pytest.raises(ModelError, match=rf"train\.layer_decay: the backbone has {lists} lists .* set it to 1\.0"):
        parameter_groups(model, 0.01, lr=1.0, layer_decay=0.9)
    parameter_groups(model, 0.01, lr=1.0)


def test_a_list_within_a_layer_is_no_list_of_layers() -> None:
    """Four experts in each of two layers."""
    layers = torch.nn.ModuleList(Twofold(4, 0) for _ in range(2))
    model = torch.nn.ModuleDict({"layers": layers})
    rates = [group["lr"] for group in parameter_groups(model, 0.0, lr=1.0, layer_decay=0.5)]
    assert rates == [1.0, 1.0, 0.5, 0.5]
