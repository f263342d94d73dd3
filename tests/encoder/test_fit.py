"""A backbone that does not fit is refused at the first stage that can know, for training as for loading."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from folder_inputs import FAMILIES, TEXTS, cut, edited, tokenizer_of, transformers_folder, weights
from torch import nn
from transformers import AutoModel, BertConfig, BertModel, ViTConfig, ViTModel
from transformers.utils.logging import enable_progress_bar, is_progress_bar_enabled

from terna.encoder import Dense, Encoder, Pooling, build_encoder, load_tokenizer, save
from terna.encoder.pretrained import read_backbone, readable
from terna.encoder.usage import Usage
from terna.errors import ModelError
from terna.sentences import gather, tokenize
from terna.settings import Model, Vocabulary


def model(folder: Path, max_length: int = 24) -> Model:
    return Model(str(folder), max_length, "mean", None, None, None, Vocabulary(None, None), None)


def smaller(given: dict[str, torch.Tensor]) -> None:
    given["embeddings.word_embeddings.weight"] = given["embeddings.word_embeddings.weight"][:50].clone()


AT_THE_TOKENIZER: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "encoder and decoder": ("bart", lambda folder: None, "bart is a model of encoder and decoder"),
    "too few embeddings": ("bert", edited("config.json", vocab_size=50), r"50 word embeddings, .* has \d\d entries"),
    "too few positions": ("bert", edited("config.json", max_position_embeddings=9), "24, but .* has 9 positions"),
    "sparse attention": (
        "bigbird",
        lambda folder: None,
        "attention_type: 'block_sparse', .* set it to 'original_full'",
    ),
    "rotary positions that change": ("phi3", lambda folder: None, "a text of more than 12 tokens"),
    "no tokenizer": ("bert", lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer from"),
    "a tokenizer cut off": ("bert", cut("tokenizer.json"), "no tokenizer from"),
    "no padding token": (
        "bert",
        edited("tokenizer_config.json", pad_token=..., eos_token=...),
        "has no padding token; set pad_token",
    ),
}


@pytest.mark.parametrize("fault", AT_THE_TOKENIZER)
def test_what_tokenizer_and_configuration_show_is_refused_before_any_weight_is_read(fault: str, tmp_path: Path) -> None:
    backbone, edit, message = AT_THE_TOKENIZER[fault]
    folder = transformers_folder(backbone, "wordpiece", tmp_path)
    (folder / "model.safetensors").unlink()
    edit(folder)
    with pytest.raises(ModelError, match=message) as refused:
        load_tokenizer(model(folder), [])
    assert str(folder) in str(refused.value)
    assert str(refused.value).startswith("model.")


AT_THE_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "keys of another model": (
        weights(lambda given: [given.update({f"other.{key}": given.pop(key)}) for key in list(given)]),
        r"its weights do not fit its config\.json: no embeddings\.LayerNorm\.bias",
    ),
    "another size": (edited("config.json", intermediate_size=48), r"dense\.bias of \(32,\), not \(48,\)"),
    "cut off": (cut("model.safetensors"), "incomplete|not fully covered"),
    "pickles": (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "safetensors"),
    "fewer embeddings than stated": (weights(smaller), r"word_embeddings\.weight of \(50, 16\), not \(96, 16\)"),
}


@pytest.mark.parametrize("fault", AT_THE_WEIGHTS)
def test_weights_that_are_not_the_configurations_are_refused_by_training_too(fault: str, tmp_path: Path) -> None:
    folder = transformers_folder("bert", "wordpiece", tmp_path)
    edit, message = AT_THE_WEIGHTS[fault]
    edit(folder)
    with pytest.raises(ModelError, match=f"model.backbone: no backbone from {folder}: .*({message})"):
        build_encoder(model(folder), load_tokenizer(model(folder), []))


def test_a_pooler_may_be_missing_and_the_rest_is_what_was_saved(tmp_path: Path) -> None:
    folder = transformers_folder("bert", "wordpiece", tmp_path)
    texts = [text for text in TEXTS if len(text) < 40]
    before = Encoder.load(folder).encode(texts)
    weights(lambda given: [given.pop(key) for key in list(given) if key.startswith("pooler.")])(folder)
    np.testing.assert_array_equal(build_encoder(model(folder), load_tokenizer(model(folder), [])).encode(texts), before)


def test_a_library_that_repeats_the_content_of_a_file_is_quoted_in_part(tmp_path: Path) -> None:
    folder = transformers_folder("qwen2", "wordpiece", tmp_path)
    edited("config.json", bos_token_id="a" * 10_000)(folder)
    with pytest.raises(ModelError, match=r"bos_token_id.*aaa…") as refused:
        load_tokenizer(model(folder), [])
    assert len(str(refused.value)) < 2_000


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_no_damaged_file(stop: type[BaseException]) -> None:
    with pytest.raises(stop), readable("folder"):
        raise stop


@pytest.mark.parametrize("backbone", [name for name in FAMILIES if name != "bart"])
def test_sizes_are_compared_without_a_draw(backbone: str, tmp_path: Path) -> None:
    folder = transformers_folder(backbone, "wordpiece", tmp_path)
    before = torch.get_rng_state()
    read_backbone(str(folder))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("backbone", ["qwen2", "llama", "t5"])
def test_decoders_and_t5_train(backbone: str, tmp_path: Path) -> None:
    folder = transformers_folder(backbone, "unpadded", tmp_path / "backbone")
    encoder = build_encoder(model(folder), load_tokenizer(model(folder), [])).eval()
    texts = [text for text in TEXTS if text.strip()]
    batch = encoder.arrange(*gather(*tokenize(encoder.tokenizer, texts, 24), np.arange(len(texts))))
    optimizer = torch.optim.SGD(encoder.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = (encoder(batch) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    save(encoder, tmp_path / "trained")
    np.testing.assert_allclose(Encoder.load(tmp_path / "trained").encode(texts), encoder.encode(texts), atol=1e-5)


def test_a_backbone_of_images_is_refused() -> None:
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    images = ViTModel(ViTConfig(**size, image_size=8, patch_size=4))
    with pytest.raises(ModelError, match=r"ViTModel (has no word embeddings|gives no vectors)"):
        Encoder(images, tokenizer_of("wordpiece"), pooling="mean", max_length=24)


def test_fewer_embeddings_than_the_tokenizer_has_entries_are_refused_when_an_encoder_is_put_together() -> None:
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    with pytest.raises(ModelError, match=r"BertModel: 40 word embeddings, but the tokenizer has \d\d entries"):
        Encoder(BertModel(BertConfig(vocab_size=40, **shape)), tokenizer_of("bare"), pooling="mean", max_length=24)


def test_a_head_that_does_not_fit_is_refused_by_its_place(tmp_path: Path) -> None:
    folder = transformers_folder("bert", "wordpiece", tmp_path)
    head = [Dense(32, 8, nn.Tanh()), Dense(9, 8, nn.Tanh())]
    with pytest.raises(ModelError, match="module 3, Dense, does not take vectors of 8 numbers"):
        backbone = AutoModel.from_pretrained(folder)
        Encoder(backbone, tokenizer_of("bare"), pooling=Pooling(("cls", "max")), max_length=24, head=head)


def bare(folder: Path, pooling: str) -> Encoder:
    backbone = AutoModel.from_pretrained(transformers_folder("bert", "bare", folder))
    head = [Dense(16, 8, nn.Tanh())]
    return Encoder(backbone, tokenizer_of("bare"), pooling=pooling, max_length=24, head=head).eval()


@pytest.mark.parametrize("pooling", ["mean", "weightedmean", "lasttoken", "mean_sqrt_len_tokens"])
def test_a_text_without_a_token_has_the_vector_of_zeros_beside_any_others(tmp_path: Path, pooling: str) -> None:
    encoder = bare(tmp_path, pooling)
    nothing = encoder.head(torch.zeros(1, 16)).detach().numpy()
    np.testing.assert_allclose(encoder.encode(["", " \t"]), np.repeat(nothing, 2, axis=0), atol=1e-7)
    found = encoder.encode(["horno", "", "el perro"])
    np.testing.assert_allclose(found[1:2], nothing, atol=1e-7)
    np.testing.assert_allclose(found[[0, 2]], encoder.encode(["horno", "el perro"]), atol=1e-6)


@pytest.mark.parametrize("pooling", ["cls", "max"])
def test_a_text_without_a_token_is_refused_where_nothing_can_be_taken(tmp_path: Path, pooling: str) -> None:
    encoder = bare(tmp_path, pooling)
    assert encoder.encode([]).shape == (0, 8)
    with pytest.raises(ModelError, match=f"a text without a token that {pooling} pooling could take"):
        encoder.encode(["horno", ""])


def test_a_sentence_without_a_token_is_no_part_of_a_batch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a sentence without a token: the tokenizer adds none of its own"):
        bare(tmp_path, "mean").arrange(np.array([5, 6]), np.array([2, 0]))


def test_a_prompt_that_leaves_no_room_is_refused(tmp_path: Path) -> None:
    backbone = AutoModel.from_pretrained(transformers_folder("bert", "wordpiece", tmp_path))
    usage = Usage({"long": "consulta " * 30}, "long")
    with pytest.raises(ModelError, match="'long', but texts are cut to its 24 tokens"):
        pooling = Pooling(("mean",), include_prompt=False)
        Encoder(backbone, tokenizer_of("wordpiece"), pooling=pooling, max_length=24, usage=usage)


def test_a_missing_pooler_which_nobody_uses_is_not_reported(tmp_path: Path) -> None:
    folder = transformers_folder("bert", "wordpiece", tmp_path)
    weights(lambda given: [given.pop(key) for key in list(given) if key.startswith("pooler.")])(folder)
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger("transformers").addHandler(handler)
    read_backbone(str(folder))
    logging.getLogger("transformers").removeHandler(handler)
    assert [record.getMessage() for record in heard] == []


def test_reading_and_writing_weights_shows_no_bar(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = transformers_folder("bert", "wordpiece", tmp_path / "plain")
    enable_progress_bar()
    capfd.readouterr()
    save(Encoder.load(folder), tmp_path / "saved")
    assert capfd.readouterr().err == ""
    assert is_progress_bar_enabled()
