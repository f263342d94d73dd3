"""Gradient caching gives the plain step's loss and gradients, dropout included, and holds one chunk at a time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from terna.encoder import Encoder, packing
from terna.sentences import gather, tokenize
from terna.training.losses.ranking import ranking_loss

Make = Callable[..., Encoder]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packing.CHUNK_TOKENS, "cpu", 40)


def step(encoder: Encoder, sentences: list[str], *, cached: bool) -> tuple[Tensor, dict[str, Tensor]]:
    encoder.cached = cached
    encoder.zero_grad()
    texts = [f"{text} {number}" for number in range(6) for text in sentences[:3]]
    batch = encoder.arrange(*gather(*tokenize(encoder.tokenizer, texts, encoder.max_length), np.arange(len(texts))))
    assert len(batch.chunks) > 3
    torch.manual_seed(5)
    loss = ranking_loss(*encoder(batch).chunk(3))
    loss.backward()
    return loss.detach(), {
        name: each.grad.clone() for name, each in encoder.named_parameters() if each.grad is not None
    }


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_loss_and_gradients_are_those_of_the_plain_step_under_the_same_dropout(
    make_encoder: Make, sentences: list[str], packed: bool, dropout: float
) -> None:
    encoder = make_encoder(packed=packed).train()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    loss, gradients = step(encoder, sentences, cached=False)
    other, cached = step(encoder, sentences, cached=True)
    torch.testing.assert_close(other, loss, atol=1e-6, rtol=0)
    assert cached.keys() == gradients.keys()
    for name, gradient in cached.items():
        torch.testing.assert_close(gradient, gradients[name], atol=1e-6, rtol=0)
    if dropout:
        encoder.eval()
        assert abs(float(step(encoder, sentences, cached=False)[0] - loss)) > 1e-3, "there was dropout"


def test_activations_of_one_chunk_alone_are_held(make_encoder: Make, sentences: list[str]) -> None:
    """Counted by what autograd saves: the plain step keeps every chunk's, the cached one a fraction at any time."""
    held: dict[bool, int] = {}
    for cached, name in ((False, "_vectors"), (True, "_checkpointed")):
        encoder = make_encoder().train()
        encoder.cached = cached
        run, saved = getattr(encoder, name), []

        def counted(*given: object, run: Callable[..., Tensor] = run, saved: list[int] = saved) -> Tensor:
            def pack(tensor: Tensor) -> Tensor:
                saved.append(tensor.numel())
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):  # of the thread that calls
                return run(*given)

        setattr(encoder, name, counted)
        texts = [f"{text} {number}" for number in range(6) for text in sentences[:3]]
        encoder(
            encoder.arrange(*gather(*tokenize(encoder.tokenizer, texts, encoder.max_length), np.arange(len(texts))))
        )
        held[cached] = sum(saved)
    assert held[True] < held[False] / 5
