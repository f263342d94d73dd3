"""A flat sequence without padding gives the vectors, the loss and the gradients that padded batches give."""

import logging
import re
import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModel,
    BertConfig,
    ConvBertConfig,
    DistilBertConfig,
    ElectraConfig,
    FNetConfig,
    Gemma2Config,
    MistralConfig,
    ModernBertConfig,
    MPNetConfig,
    NystromformerConfig,
    PreTrainedConfig,
    Qwen2Config,
    RobertaConfig,
    XLMRobertaConfig,
)

from terna.encoder import Encoder, attention
from terna.encoder.attention import use_padded
from terna.encoder.packing import arrange
from terna.training.losses.ranking import ranking_loss

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}
FAMILIES: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SHAPE),
    "roberta": RobertaConfig(**SHAPE, pad_token_id=1),
    "xlm-roberta": XLMRobertaConfig(**SHAPE, pad_token_id=1),
    "distilbert": DistilBertConfig(
        vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40
    ),
    "electra": ElectraConfig(**SHAPE, embedding_size=8),
    # decoders, whose keys serve two heads each; the second sees no farther back than five places
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=1, pad_token_id=0, bos_token_id=1, eos_token_id=2),
    "mistral": MistralConfig(**SHAPE, num_key_value_heads=1, sliding_window=6, bos_token_id=1, eos_token_id=2),
    # layers of local attention, three places to each side, between those of global attention
    "modernbert": ModernBertConfig(
        **SHAPE, local_attention=6, global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=1, eos_token_id=2
    ),
}


class Pads:
    """As much of a tokenizer as the encoder asks."""

    model_input_names = ("input_ids", "attention_mask")
    mask_token_id = None

    def __init__(self, pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id

    def get_vocab(self) -> dict[str, int]:
        return {str(number): number for number in range(50)}


def encoder_of(config: PreTrainedConfig, pooling: str = "mean", scale: float = 1.0) -> Encoder:
    """An encoder from random weights, those of matrices times `scale`: in fresh ones attention is next to nothing."""
    torch.manual_seed(3)
    backbone = AutoModel.from_config(config)
    for weight in backbone.parameters():
        weight.data.mul_(scale if weight.ndim > 1 else 1.0)
    return Encoder(backbone, Pads(config.pad_token_id or 0), pooling=pooling, max_length=30).eval()  # type: ignore[arg-type]


def triplets(seed: int = 0, longest: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of four triplets' sentences of unequal length."""
    rng = np.random.default_rng(seed)
    lengths = np.array([2, longest, 7, 7, 7, 3, 12, 2, 21, 5, 9, 7])
    return rng.integers(3, 50, lengths.sum()), lengths


def outcome(
    encoder: Encoder, packed: bool, limit: int = 64
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    encoder.token_vectors.way = "packed" if packed else "padded"
    encoder.zero_grad()
    vectors = encoder(arrange(*triplets(), limit))
    loss = ranking_loss(*vectors.chunk(3))
    loss.backward()
    gradients = {name: each.grad.clone() for name, each in encoder.named_parameters() if each.grad is not None}
    return vectors.detach(), loss.detach(), gradients


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_vectors_loss_and_every_gradient_are_those_of_the_padded_path(family: str, pooling: str) -> None:
    encoder = encoder_of(FAMILIES[family], pooling).double()  # so that nothing but an error can be seen
    assert encoder.packed
    (ours, loss, gradients), (theirs, other, reference) = outcome(encoder, True), outcome(encoder, False)
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)
    torch.testing.assert_close(loss, other, atol=1e-10, rtol=0)
    assert gradients.keys() == reference.keys()
    assert len(gradients) > 12
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, reference[name], atol=1e-10, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sentence_has_the_vector_that_it_has_alone_by_the_plain_model(family: str) -> None:
    encoder = encoder_of(FAMILIES[family])
    ids, lengths = triplets()
    found = encoder(arrange(ids, lengths, 64))
    use_padded(encoder.backbone)
    for vector, sentence in zip(found, np.split(ids, np.cumsum(lengths)[:-1]), strict=True):
        hidden = encoder.backbone(input_ids=torch.from_numpy(sentence)[None]).last_hidden_state[0]
        torch.testing.assert_close(vector, hidden.mean(0), atol=1e-5, rtol=1e-5)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING):
        yield caplog


def test_a_family_with_positions_in_its_attention_is_padded_and_the_log_says_so(
    told: pytest.LogCaptureFixture,
) -> None:
    encoder = encoder_of(MPNetConfig(**SHAPE, pad_token_id=1))
    assert not encoder.packed
    assert "MPNetModel does not take packed sentences: they are padded" in told.text
    vectors = encoder(arrange(*triplets(), 64))
    ids, lengths = triplets()
    alone = [
        encoder.backbone(torch.from_numpy(part)[None])[0][0].mean(0) for part in np.split(ids, lengths.cumsum()[:-1])
    ]
    torch.testing.assert_close(vectors, torch.stack(alone), atol=1e-5, rtol=1e-5)


def test_a_backbone_that_would_give_other_vectors_packed_is_padded(
    monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    """One that counts positions through the whole flat sequence, whatever it is told."""
    backbone = AutoModel.from_config(FAMILIES["bert"])
    original: Callable[..., torch.Tensor] = backbone.embeddings.forward
    monkeypatch.setattr(
        backbone.embeddings, "forward", lambda *given, **named: original(*given, **{**named, "position_ids": None})
    )
    encoder = Encoder(backbone, Pads(0), pooling="mean", max_length=30)  # type: ignore[arg-type]
    assert not encoder.packed
    assert "gives other vectors for packed sentences" in told.text
    assert backbone.config._attn_implementation == "sdpa"


PADDED_APART: dict[str, PreTrainedConfig] = {
    "convbert": ConvBertConfig(**SHAPE, embedding_size=16),
    "fnet": FNetConfig(**{name: value for name, value in SHAPE.items() if name != "num_attention_heads"}),
    "nystromformer": NystromformerConfig(**SHAPE),
}


@pytest.mark.parametrize("family", PADDED_APART)
def test_where_vectors_depend_on_padding_there_is_none_and_gradients_are_those_of_sentences_alone(
    family: str, told: pytest.LogCaptureFixture
) -> None:
    encoder = encoder_of(PADDED_APART[family]).double()
    assert "gives other vectors beside padding: sentences of one length go through it at a time" in told.text
    ids, lengths = triplets()
    vectors = encoder(arrange(ids, lengths, 64))
    vectors.pow(3).sum().backward()
    found = {name: each.grad.clone() for name, each in encoder.named_parameters() if each.grad is not None}
    encoder.zero_grad()
    alone = [encoder.backbone(torch.from_numpy(part)[None])[0][0] for part in np.split(ids, lengths.cumsum()[:-1])]
    expected = torch.stack([each.mean(0) for each in alone])
    expected.pow(3).sum().backward()
    torch.testing.assert_close(vectors, expected, atol=1e-10, rtol=0)
    assert len(found) > 5
    for name, each in encoder.named_parameters():
        if each.grad is not None:
            torch.testing.assert_close(found[name], each.grad, atol=1e-10, rtol=0)


def test_attention_that_packed_sentences_do_not_know_pads_them(told: pytest.LogCaptureFixture) -> None:
    """Gemma 2 caps its scores, which small ones do not show."""
    config = Gemma2Config(**SHAPE, num_key_value_heads=1, query_pre_attn_scalar=8, head_dim=8)
    assert not encoder_of(config).packed
    assert "does not take packed sentences (its attention takes softcap" in told.text


ATTEND = attention.attend


def raises(*_: object, **__: object) -> tuple[torch.Tensor, None]:
    raise RuntimeError("no kernel image is available for execution on the device")


def errs(*given: torch.Tensor, **named: object) -> tuple[torch.Tensor, None]:
    return ATTEND(*given, **named)[0] * 1.5, None


@pytest.mark.parametrize(
    ("attend", "word"),
    [(raises, r"\(no kernel image is available"), (errs, "gives other vectors for packed sentences")],
)
@pytest.mark.parametrize("elsewhere", ["device", "half precision", "double precision"])
def test_where_a_kernel_fails_or_errs_sentences_are_padded_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture, attend: object, word: str, elsewhere: str
) -> None:
    """Packed where it was made, and then moved to where another kernel computes."""
    encoder = encoder_of(FAMILIES["bert"], scale=8)
    batch = arrange(*triplets(), 64)
    before = encoder(batch)
    assert encoder.packed
    assert told.text == ""
    monkeypatch.setattr(attention, "attend", attend)
    assert torch.equal(encoder(batch), before), "it was not compared again where it had been"
    if elsewhere == "device":
        encoder.token_vectors.settle(torch.device("cpu", 0))  # to torch another one than cpu
    elif elsewhere == "half precision":
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(encoder(batch), before, atol=0.2, rtol=0)
    else:
        encoder.double()
    torch.testing.assert_close(encoder(batch).float(), before, atol=1e-5, rtol=0)
    assert not encoder.packed
    # transformers' own attention draws its dropout in whatever order threads come
    assert elsewhere == "device" or encoder.train()._workers(batch) == 0
    assert re.search(f"{word}.* they are padded", told.text.replace("\n", " "))


def test_where_kernels_agree_sentences_stay_packed_and_nothing_is_drawn(told: pytest.LogCaptureFixture) -> None:
    encoder = encoder_of(FAMILIES["bert"]).train()
    before = torch.get_rng_state()
    with torch.autocast("cpu", torch.bfloat16):
        encoder.token_vectors.settle(torch.device("cpu"))
    assert encoder.packed
    assert all(module.training for module in encoder.modules())
    assert torch.equal(before, torch.get_rng_state())
    assert told.text == ""


def test_encoders_of_one_backbone_each_have_it_their_way() -> None:
    packed = encoder_of(FAMILIES["bert"])
    padded = Encoder(packed.backbone, packed.tokenizer, pooling="mean", max_length=30, packed=False).eval()
    assert (packed.packed, padded.packed) == (True, False)
    batch = arrange(*triplets(), 64)
    first = packed(batch)
    for encoder in (padded, packed, padded, packed):
        torch.testing.assert_close(encoder(batch), first, atol=1e-6, rtol=0)


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_dropout_is_on_while_training_and_another_seed_draws_another(family: str) -> None:
    encoder = encoder_of(FAMILIES[family]).train()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    encoder.backbone.config.attention_probs_dropout_prob = 0.5
    for module in encoder.modules():
        for name in ("dropout", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.5)
            elif type(module).__name__.endswith("SelfAttention") and hasattr(module, name):
                getattr(module, name).p = 0.5
    batch = arrange(*triplets(), 64)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(encoder(batch).detach())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2], atol=1e-3)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 20), max_size=30), st.integers(1, 60), st.integers(1, 4))
def test_every_sentence_is_in_one_chunk_whole_and_found_again(lengths: list[int], limit: int, shares: int) -> None:
    ids = np.arange(sum(lengths))
    batch = arrange(ids, lengths, limit, shares)
    pieces = [piece for chunk in batch.chunks for piece in chunk.ids.split(chunk.lengths)]
    places = [place for chunk in batch.chunks for place in chunk.positions.split(chunk.lengths)]
    expected = np.split(ids, np.cumsum(lengths)[:-1]) if lengths else []
    assert [pieces[place].tolist() for place in batch.place] == [part.tolist() for part in expected]
    assert all(place.tolist() == list(range(len(place))) for place in places)
    for chunk in batch.chunks:
        assert list(chunk.lengths) == sorted(chunk.lengths)
        assert chunk.offsets.tolist() == np.cumsum([0, *chunk.lengths]).tolist()
        assert len(chunk.lengths) == 1 or sum(chunk.lengths) <= limit + max(lengths)
        assert sum(count for count, _ in chunk.groups) == len(chunk.lengths)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of torch's own modules
def test_compiled_it_gives_the_same_and_is_not_compiled_anew_for_other_lengths() -> None:
    encoder = encoder_of(FAMILIES["bert"])
    batches = [arrange(*triplets(seed, longest), 200) for seed, longest in ((0, 30), (1, 17), (2, 25))]
    plain = [encoder(batch).detach() for batch in batches]
    encoder.backbone.compile(dynamic=True)
    encoder(batches[0])
    with torch.compiler.set_stance("fail_on_recompile"):
        for batch, expected in zip(batches, plain, strict=True):
            torch.testing.assert_close(encoder(batch), expected, atol=1e-5, rtol=1e-5)
