"""Chunks side by side give what they give one after another, and the same bytes each time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from terna.encoder import Encoder, packing
from terna.encoder.threads import share, side_by_side
from terna.sentences import gather, tokenize
from terna.training.losses.ranking import ranking_loss

Make = Callable[..., Encoder]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(packing.CHUNK_TOKENS, "cpu", 40)
    return 3


def batch_of(encoder: Encoder, sentences: list[str]) -> packing.Batch:
    texts = [f"{text} {number}" for number in range(6) for text in sentences[:3]]
    batch = encoder.arrange(*gather(*tokenize(encoder.tokenizer, texts, encoder.max_length), np.arange(len(texts))))
    assert len(batch.chunks) % 4 == 0
    return batch


def step(encoder: Encoder, vectors: Tensor) -> dict[str, Tensor]:
    encoder.zero_grad()
    ranking_loss(*vectors.chunk(3)).backward()
    return {name: each.grad.clone() for name, each in encoder.named_parameters() if each.grad is not None}


@pytest.mark.parametrize("packed", [True, False])
def test_vectors_and_every_gradient_are_those_of_one_chunk_after_another(
    make_encoder: Make, sentences: list[str], threads: int, packed: bool
) -> None:
    encoder = make_encoder(packed=packed).eval().double()
    batch = batch_of(encoder, sentences)
    plain = torch.cat([encoder._vectors(chunk) for chunk in batch.chunks])
    apart = side_by_side(batch.chunks, encoder._vectors, encoder.parameters(), threads)
    torch.testing.assert_close(apart, plain, atol=1e-12, rtol=0)
    expected, found = step(encoder, plain[batch.place]), step(encoder, apart[batch.place])
    assert found.keys() == expected.keys()
    assert len(found) > 12
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-12, rtol=0)


def test_dropout_is_that_of_each_chunks_seed_whichever_thread_draws(
    make_encoder: Make, sentences: list[str], threads: int
) -> None:
    encoder = make_encoder().double().train()
    batch = batch_of(encoder, sentences)
    torch.manual_seed(3)
    seeds = torch.randint(2**62, (len(batch.chunks),)).tolist()
    plain = []
    for chunk, seed in zip(batch.chunks, seeds, strict=True):
        plain.append(encoder._vectors(chunk, seed))
    expected = step(encoder, torch.cat(plain))
    for workers in (1, 2, threads):
        torch.manual_seed(3)
        vectors = side_by_side(batch.chunks, encoder._vectors, encoder.parameters(), workers)
        torch.testing.assert_close(vectors, torch.cat(plain), atol=1e-12, rtol=0)
        for name, gradient in step(encoder, vectors).items():
            torch.testing.assert_close(gradient, expected[name], atol=1e-12, rtol=0)


def test_the_same_bytes_each_time(make_encoder: Make, sentences: list[str], threads: int) -> None:
    encoder = make_encoder().train()
    batch, found = batch_of(encoder, sentences), []
    for _ in range(4):
        torch.manual_seed(3)
        found.append(step(encoder, side_by_side(batch.chunks, encoder._vectors, encoder.parameters(), threads)))
    for other in found[1:]:
        assert all(torch.equal(gradient, found[0][name]) for name, gradient in other.items())


def test_it_is_what_training_and_encoding_do_here(make_encoder: Make, sentences: list[str], threads: int) -> None:
    encoder = make_encoder()
    assert encoder._workers(batch_of(encoder, sentences)) == min(torch.get_num_threads(), 4)
    assert encoder.train()._workers(batch_of(encoder, sentences)) == min(torch.get_num_threads(), 4)


def test_the_number_of_threads_changes_rounding_alone(
    make_encoder: Make, sentences: list[str], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make_encoder().double().train()
    batch, found = batch_of(encoder, sentences), []
    for count in (1, threads):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        torch.manual_seed(3)
        found.append(encoder(batch).detach())
    torch.testing.assert_close(found[0], found[1], atol=1e-12, rtol=0)


def test_encoding_leaves_torchs_random_numbers_as_they_were(make_encoder: Make, sentences: list[str]) -> None:
    encoder = make_encoder().eval()
    before = torch.get_rng_state()
    encoder.encode(sentences)
    assert torch.equal(before, torch.get_rng_state())


def test_a_backbone_that_draws_dropout_of_its_own_is_trained_one_chunk_after_another(
    make_encoder: Make, sentences: list[str], threads: int
) -> None:
    """Padded, transformers' attention draws it: threads would draw in an order that nothing fixes."""
    encoder = make_encoder(packed=False)
    assert encoder.train()._workers(batch_of(encoder, sentences)) == 0


def test_each_thread_has_its_share_of_threads_and_the_callers_modes() -> None:
    def modes(_: int) -> tuple[int, bool, bool, bool]:
        half = torch.is_autocast_enabled("cpu")
        return torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(), half

    mine = torch.get_num_threads()
    each = max(1, mine // 2)
    assert share(modes, [0, 1]) == [(each, True, False, False)] * 2
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert share(modes, [0, 1]) == [(each, False, False, True)] * 2
    with torch.inference_mode():
        assert share(modes, [0, 1]) == [(each, False, True, False)] * 2
    assert torch.get_num_threads() == mine


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    def work(number: int) -> int:
        if number:
            raise ValueError("a fault of the second part")
        return number

    with pytest.raises(ValueError, match="second part"):
        share(work, [0, 1])
