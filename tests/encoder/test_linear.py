"""Linear layers by oneDNN: the products of torch's own; in 8-bit integers nearly, whatever is computed beside a row."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from terna.encoder import Encoder, linear
from terna.encoder.linear import Int8Linear, Linear, replace_linear, use_int8
from terna.errors import ModelError
from terna.systems import load_system

TEXTS = ["Hola.", "El tren llega tarde y llueve en la sierra.", "¿Qué tal?", "El perro duerme al sol."]
needs_vnni = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="no instructions for 8-bit integers (VNNI)")


def layer(bias: bool = True) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(48, 36, bias=bias)


def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way each product went."""
    seen: list[str] = []
    own = nn.Linear.forward

    def forward(self: nn.Linear, input: torch.Tensor) -> torch.Tensor:
        seen.append("torch")
        return own(self, input)

    monkeypatch.setattr(nn.Linear, "forward", forward)
    return seen


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7, 48), (1, 5, 48), (1, 48)])
def test_products_without_a_gradient_are_torchs(
    bias: bool, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, ours = layer(bias), layer(bias)
    replace_linear(nn.Sequential(ours))
    assert type(ours) is Linear
    given = torch.randn(*shape)
    with torch.inference_mode():
        expected = plain(given)
        seen = calls(monkeypatch)
        found = ours(given)
    assert not seen
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_training_and_other_precisions_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = layer()
    replace_linear(nn.Sequential(ours))
    seen = calls(monkeypatch)
    ours(torch.randn(3, 48)).sum().backward()
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            ours(torch.randn(3, 48))
        ours.to(torch.bfloat16)(torch.randn(3, 48, dtype=torch.bfloat16))
        ours.to("meta", torch.float32)(torch.empty(3, 48, device="meta"))
    assert seen == ["torch"] * 4


def test_plain_mode_replaces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERNA_PLAIN", "1")
    network = nn.Sequential(layer())
    replace_linear(network)
    assert type(network[0]) is nn.Linear


def test_a_subclass_of_linear_is_left_as_it_is() -> None:
    class Own(nn.Linear):
        pass

    network = nn.Sequential(Own(3, 3))
    replace_linear(network)
    assert type(network[0]) is Own


@needs_vnni
@pytest.mark.parametrize("bias", [True, False])
def test_products_in_8_bits_are_those_of_rounded_numbers(bias: bool) -> None:
    plain = layer(bias)
    given = torch.randn(5, 48) * torch.tensor([[1.0], [1e-3], [1e3], [1.0], [0.0]])
    with torch.inference_mode():
        found = Int8Linear(plain)(given[None])[0]
        # the reference: the same rounding, multiplied in float64
        weight = plain.weight.double()
        step = weight.abs().amax(1, keepdim=True) / 127
        row = given.double().abs().amax(1, keepdim=True).clamp(min=1e-38) / 127
        expected = (given.double() / row).round() * row @ ((weight / step).round() * step).T
        expected = expected + plain.bias.double() if bias else expected
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * float(other.abs().max()) + 1e-9)


@needs_vnni
def test_a_row_in_8_bits_is_the_same_whatever_is_beside_it() -> None:
    with torch.inference_mode():
        small = Int8Linear(layer())
        given = torch.randn(40, 48)
        given[1] *= 1e4
        whole = small(given)
        assert all(torch.equal(small(given[n : n + 1])[0], whole[n]) for n in range(40))


@pytest.fixture
def folder(make_encoder: Callable[..., Encoder], tmp_path: Path) -> Iterator[Path]:
    from terna.encoder.saved import save

    save(make_encoder("model.scratch.hidden_size=64"), tmp_path / "encoder")
    yield tmp_path / "encoder"


@needs_vnni
def test_an_encoder_in_8_bits_has_float32_vectors_near_its_own_and_one_for_each_text(folder: Path) -> None:
    whole, small = (load_system(str(folder), "cpu", precision) for precision in ("float32", "int8"))
    expected, found = whole.encode(TEXTS), small.encode(TEXTS)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
    np.testing.assert_allclose(np.concatenate([small.encode([text]) for text in TEXTS]), found, atol=1e-6)
    assert isinstance(small, Encoder)
    assert not [one for one in small.backbone.modules() if isinstance(one, nn.Linear)]


def test_8_bits_are_refused_without_their_instructions_and_off_the_cpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="int8: for the CPU alone, and this is cuda:0"):
        load_system(str(folder), "cuda:0", "int8")
    monkeypatch.setattr(linear.torch.cpu, "_is_vnni_supported", lambda: False)
    with pytest.raises(ModelError, match=r"int8: this processor has no instructions for it \(VNNI\); give float32"):
        use_int8(nn.Sequential(layer()))


def test_an_encoder_encodes_by_it_and_trains_without_it(
    make_encoder: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make_encoder()
    seen = calls(monkeypatch)
    encoder.encode(TEXTS)
    assert not seen
