"""Layers left out of a start: the vectors are those of the kept layers run by hand, and the folder gives them again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from folder_inputs import FAMILIES, LONGEST, TEXTS, Folder, tokenizer_of, transformers_folder
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, BertConfig, BertModel, ModernBertConfig, ModernBertModel, PreTrainedModel

from terna.encoder import Encoder, build_encoder, load_tokenizer, save
from terna.encoder.layers import keep_layers
from terna.errors import ModelError
from terna.settings import Model, Vocabulary

SPOKEN = [text for text in TEXTS if text.strip()]
SHAPE = {"vocab_size": 96, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
DEEP = {**SHAPE, "num_hidden_layers": 4, "max_position_embeddings": 40, "pad_token_id": 0}


def model(folder: Path, layers: list[int] | None) -> Model:
    return Model(str(folder), LONGEST, "mean", None, None, None, Vocabulary(None, None), layers)


def deep(folder: Path) -> Path:
    """A BERT of four layers that differ, and its tokenizer."""
    torch.manual_seed(2)
    backbone = BertModel(BertConfig(**DEEP))
    with torch.no_grad():
        for name, weight in backbone.named_parameters():
            weight.mul_(6 if weight.ndim > 1 and "embeddings" not in name else 1)
    backbone.save_pretrained(folder)
    tokenizer_of("wordpiece").save_pretrained(folder)
    return folder


def built(start: Model) -> Encoder:
    return build_encoder(start, load_tokenizer(start, [])).eval()


@torch.no_grad()
def by_hand(folder: Path, layers: list[int], texts: list[str]) -> np.ndarray:
    """Means of token vectors, text by text, through transformers' own embeddings and layers one after another."""
    backbone, tokenizer = BertModel.from_pretrained(folder, attn_implementation="eager"), tokenizer_of("wordpiece")
    found = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=LONGEST)["input_ids"]
        hidden = backbone.embeddings(input_ids=ids)
        for number in layers:
            made = backbone.encoder.layer[number](hidden, None)
            hidden = made[0] if isinstance(made, tuple) else made
        found.append(hidden[0].mean(0).numpy())
    return np.stack(found)


@pytest.mark.parametrize("layers", [[0, 2], [1, 3], [3]])
def test_the_vectors_are_those_of_the_kept_layers_and_the_folder_gives_them_again(
    tmp_path: Path, layers: list[int]
) -> None:
    folder = deep(tmp_path / "deep")
    encoder = built(model(folder, layers))
    expected = by_hand(folder, layers, SPOKEN)
    assert encoder.packed
    assert np.abs(expected - by_hand(folder, [0, 1, 2, 3], SPOKEN)).max() > 0.05
    np.testing.assert_allclose(encoder.encode(SPOKEN), expected, atol=1e-5)
    save(encoder, tmp_path / "saved")
    theirs = SentenceTransformer(str(tmp_path / "saved"), device="cpu").encode(SPOKEN)
    np.testing.assert_allclose(theirs, expected, atol=1e-5)
    np.testing.assert_allclose(Encoder.load(tmp_path / "saved").encode(SPOKEN), expected, atol=1e-5)
    backbone = AutoModel.from_pretrained(tmp_path / "saved")
    assert backbone.config.num_hidden_layers == len(backbone.encoder.layer) == len(layers)
    a_layer = sum(weight.numel() for weight in BertModel(BertConfig(**DEEP)).encoder.layer[0].parameters())
    whole = sum(weight.numel() for weight in built(model(folder, None)).parameters())
    assert sum(weight.numel() for weight in encoder.parameters()) == whole - (4 - len(layers)) * a_layer


@pytest.mark.parametrize("family", ["distilbert", "electra", "gpt2", "llama", "mpnet", "qwen2", "roberta", "t5"])
def test_all_layers_are_the_whole_and_the_first_is_one_layer_of_it(tmp_path: Path, family: str) -> None:
    folder = transformers_folder(family, "wordpiece", tmp_path / family)
    whole = built(model(folder, None))
    np.testing.assert_allclose(built(model(folder, [0, 1])).encode(SPOKEN), whole.encode(SPOKEN), atol=1e-6)
    first = built(model(folder, [0]))
    save(first, tmp_path / "saved")
    reference = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    reference.tokenizer.padding_side = "right"
    theirs = np.stack([reference.encode(text) for text in SPOKEN])
    np.testing.assert_allclose(first.encode(SPOKEN), theirs, atol=1e-4)
    assert np.abs(first.encode(SPOKEN) - whole.encode(SPOKEN)).max() > 1e-3


def test_a_list_of_what_each_layer_is_loses_the_same_layers() -> None:
    kinds = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    special = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    backbone = ModernBertModel(ModernBertConfig(**DEEP, **special, layer_types=kinds, local_attention=6)).eval()
    backbone.config._commit_hash = "ab" * 20
    made = keep_layers(backbone, [0, 2, 3])
    assert made.config._commit_hash == "ab" * 20
    assert made.config.layer_types == [kinds[0], kinds[2], kinds[3]]
    assert [layer.attention_type for layer in made.layers] == made.config.layer_types


def modern() -> PreTrainedModel:
    special = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    return ModernBertModel(ModernBertConfig(**DEEP, **special))


def test_a_first_layer_unlike_the_others_must_stay() -> None:
    """ModernBERT's has no norm before its attention, and T5's alone has the table of distances."""
    with pytest.raises(ModelError, match=r"model\.layers: \[1, 2\]: ModernBertModel makes layers\.0"):
        keep_layers(modern(), [1, 2])


def test_t5_keeps_its_first_layer(tmp_path: Path) -> None:
    folder = transformers_folder("t5", "wordpiece", tmp_path)
    with pytest.raises(ModelError, match=r"model\.layers: \[1\]: T5EncoderModel makes encoder\.block\.0"):
        built(model(folder, [1]))


def test_layers_that_share_their_weights_cannot_be_left_out() -> None:
    with pytest.raises(ModelError, match=r"model\.layers: the layers of AlbertModel do not stand in one list"):
        keep_layers(AutoModel.from_config(FAMILIES["albert"]()), [0])


def test_a_layer_that_is_not_there_is_refused_at_the_tokenizer(tmp_path: Path) -> None:
    start = replace(model(Folder().make(tmp_path), [0, 2]), pooling=None)
    with pytest.raises(ModelError, match=r"model\.layers: 2, but .*saved has 2 layers, 0 to 1; name some of them"):
        load_tokenizer(start, [])
