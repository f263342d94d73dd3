"""Our dropout drops the share that it is told, keeps the mean, and is torch's own to the modules around it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from folder_inputs import Folder
from sentence_transformers.sentence_transformer import modules
from torch import nn

from terna.encoder import Encoder, save
from terna.encoder.dropout import Dropout, dropout


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_mean_are_those_that_are_meant(probability: float) -> None:
    torch.manual_seed(1)
    count = 1_000_001  # no multiple of the four values that share a draw
    found = dropout(torch.ones(count), probability)
    dropped = float((found == 0).double().mean())
    spread = (probability * (1 - probability) / count) ** 0.5
    assert abs(dropped - probability) < 5 * spread + 1e-5
    assert float(found.double().mean()) == pytest.approx(1.0, abs=5 * spread / (1 - probability))
    kept = found[found != 0]
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - probability)), rtol=2e-4)


def test_values_that_share_a_draw_are_dropped_independently() -> None:
    torch.manual_seed(2)
    found = (dropout(torch.ones(400_000), 0.5) != 0).double().view(-1, 4)
    together = torch.corrcoef(found.T)
    assert float((together - torch.eye(4)).abs().max()) < 0.02


def test_the_gradient_passes_where_a_value_was_kept_at_the_same_scale() -> None:
    torch.manual_seed(3)
    values = torch.randn(7, 11, dtype=torch.float64, requires_grad=True)
    found = dropout(values, 0.25)
    found.sum().backward()
    torch.testing.assert_close(values.grad, found.detach() / values.detach(), atol=1e-12, rtol=0)


def test_the_seed_says_what_is_dropped() -> None:
    drawn = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        drawn.append(dropout(torch.ones(1000), 0.5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_ends_are_torchs_own(probability: float) -> None:
    values = torch.ones(10)
    assert torch.equal(dropout(values, probability), nn.functional.dropout(values, probability))


@pytest.mark.parametrize(("plain", "kind"), [("0", Dropout), ("1", nn.Dropout)])
def test_dropout_of_the_head_is_torchs_own_where_all_is_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: str, kind: type[nn.Dropout]
) -> None:
    folder = Folder(after=lambda: [modules.Dropout(0.4)]).make(tmp_path)
    monkeypatch.setenv("TERNA_PLAIN", plain)
    encoder = Encoder.load(folder)
    found = [module for module in encoder.modules() if isinstance(module, nn.Dropout)]
    assert len(found) > 5
    assert {type(module) for module in found} == {kind}
    assert encoder.head[0].p == 0.4
    save(encoder, tmp_path / "again")
    assert Encoder.load(tmp_path / "again").head[0].p == 0.4


def test_every_dropout_of_a_backbone_is_ours_and_none_drops_in_evaluation(make_encoder: Callable[..., Encoder]) -> None:
    encoder = make_encoder()
    found = [module for module in encoder.backbone.modules() if isinstance(module, nn.Dropout)]
    assert len(found) > 5
    assert all(type(module) is Dropout and module.p == 0.1 for module in found)
    assert torch.equal(found[0].eval()(torch.ones(100)), torch.ones(100))
