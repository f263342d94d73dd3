"""A vocabulary cut to a text cuts that text as before, knows every character that it knew, and has the same vectors."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from terna.encoder import Encoder, build_encoder, load_tokenizer, save
from terna.encoder.vocabulary_cut import changed, cut, take, used
from terna.errors import ModelError
from terna.records import KEPT
from terna.settings import Model, Vocabulary

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
NAMES = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
LETTERS = "abcdeñ"
WORDS = ["abc", "cab", "dada", "bebé", "acañada", "eñe", "abcabc", "dedada", "cabeñe", "a", "edad"]
TEXTS = [" ".join(WORDS[first::step]) for first in range(6) for step in (1, 2, 3)]
KINDS = ["wordpiece", "bytes", "bpe", "unigram", "fallback"]


def trained(kind: str) -> Tokenizer:
    """A tokenizer of a kind, fitted on words of few letters."""
    end = {"special_tokens": SPECIAL, "show_progress": False}
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=60, **end)
    elif kind == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=310, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), **end
        )
    elif kind == "bpe":
        made = Tokenizer(models.BPE(unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=50, **end)
    else:
        made = Tokenizer(models.Unigram())
        made.normalizer = normalizers.NFC()
        made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=40, unk_token="<unk>", **end)
    made.train_from_iterator(TEXTS * 3, trainer)
    return made


def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    made = trained(kind)
    if kind == "fallback":
        content = json.loads(made.to_str())
        content["model"]["vocab"] += [[f"<0x{byte:02X}>", 0.0] for byte in range(256)]
        content["model"]["byte_fallback"] = True
        made = Tokenizer.from_str(json.dumps(content))
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    if kind == "unigram":
        template = [("<s>", 0), ("</s>", 2)]
        made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=template)
    made.enable_padding(pad_id=1, pad_token="<pad>")
    found = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", mask_token="<mask>", **NAMES)
    # behind the entries of the model: its id falls with them
    found.add_tokens(["qqq"])
    return found


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return tokenizer_of(request.param)


def pieces_of(tokenizer: PreTrainedTokenizerBase, text: str) -> list[str]:
    """What the ids of a text stand for, special tokens included."""
    found: list[str] = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
    return found


def test_texts_of_kept_pieces_have_the_same_pieces_and_the_others_go(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["abc eñe qqq", "cab a"]
    after, kept = cut(tokenizer, used(tokenizer, texts), min_count=1, size=None)
    assert len(after) == len(kept) < len(tokenizer)
    assert kept["id"].to_pylist() == sorted(kept["id"].to_pylist())
    assert after.convert_ids_to_tokens(range(len(kept))) == kept["piece"].to_pylist()
    assert tokenizer.convert_ids_to_tokens(kept["id"].to_pylist()) == kept["piece"].to_pylist()
    assert [pieces_of(after, text) for text in texts] == [pieces_of(tokenizer, text) for text in texts]
    for name in (*NAMES, "unk_token", "mask_token"):
        assert getattr(after, name) == getattr(tokenizer, name)
        assert after.convert_ids_to_tokens(getattr(after, f"{name}_id")) == getattr(after, name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(LETTERS + " ", min_size=1, max_size=12), min_size=1, max_size=4),
    st.lists(st.text(LETTERS + "zé😀 ", max_size=12), max_size=12),
)
def test_whatever_the_text_its_own_pieces_stay_and_nothing_new_is_unknown(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], others: list[str]
) -> None:
    after, kept = cut(tokenizer, used(tokenizer, texts), min_count=1, size=None)
    alive = set(kept["piece"].to_pylist())
    for text in [*texts, *others, *TEXTS]:
        before = pieces_of(tokenizer, text)
        if set(before) <= alive:
            assert pieces_of(after, text) == before
        assert ("<unk>" in pieces_of(after, text)) <= ("<unk>" in before)
    assert changed(tokenizer, after, texts) == 0


def test_size_keeps_the_most_frequent_and_of_equals_the_lower_id() -> None:
    whole = tokenizer_of("unigram")
    base, _ = cut(whole, np.zeros(len(whole), np.int64), min_count=1, size=None)
    counts = np.zeros(len(whole), np.int64)
    free = sorted(set(range(len(whole))) - {whole.get_vocab()[piece] for piece in base.get_vocab()})
    first, second, third, fourth = free[:4]
    counts[[first, second, third, fourth]] = [2, 3, 2, 1]

    def more(**asked: int | None) -> set[int]:
        _, kept = cut(whole, counts, **asked)  # type: ignore[arg-type]
        return set(kept["id"].to_pylist()) & set(free)

    assert more(min_count=1, size=None) == {first, second, third, fourth}
    assert more(min_count=2, size=None) == {first, second, third}
    assert more(min_count=1, size=len(base) + 2) == {first, second}
    assert more(min_count=1, size=len(base)) == set()
    # those that the text does not use come last, lower ids first
    assert more(min_count=0, size=len(base) + 5) == set(free[:5])
    with pytest.raises(ModelError, match=rf"keep\.size: {len(base) - 1}, but {len(base)} entries stay in any case"):
        cut(whole, counts, min_count=1, size=len(base) - 1)


def test_a_piece_of_bpe_keeps_what_it_is_merged_from_and_no_merge_lacks_its_parts() -> None:
    whole = tokenizer_of("bytes")
    longest = max(
        (piece for piece in whole.get_vocab() if piece.isalpha() and piece.isascii()),
        key=lambda piece: (len(piece), piece),
    )
    counts = np.zeros(len(whole), np.int64)
    counts[whole.get_vocab()[longest]] = 1
    after, _ = cut(whole, counts, min_count=1, size=None)
    assert after.tokenize(longest) == whole.tokenize(longest) == [longest]
    model = json.loads(after.backend_tokenizer.to_str())["model"]
    assert all({first, second, first + second} <= set(model["vocab"]) for first, second in model["merges"])
    made = {first + second for first, second in model["merges"]}
    assert longest in made
    assert all(piece in longest for piece in made)
    assert all(len(part) == 1 or part in made for merge in model["merges"] for part in merge)


def test_a_character_that_stands_within_pieces_alone_keeps_them() -> None:
    entries = {piece: place for place, piece in enumerate([*SPECIAL, "a", "b", "##b", "ab", "aé", "##ab", "##a"])}
    backend = Tokenizer(models.WordPiece(entries, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **NAMES)
    after, kept = cut(whole, np.zeros(len(whole), np.int64), min_count=1, size=None)
    assert set(kept["piece"].to_pylist()) == entries.keys() - {"ab", "##ab"}
    assert after.tokenize("aé") == ["aé"]
    assert after.tokenize("ab") == ["a", "##b"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_stay_and_the_folder_gives_them_again(kind: str, tmp_path: Path) -> None:
    whole = tokenizer_of(kind)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "sep_token_id": whole.mask_token_id}
    rows = len(whole) + 7  # rounded up, as many are
    torch.manual_seed(1)
    RobertaModel(RobertaConfig(vocab_size=rows, max_position_embeddings=40, **ids, **shape)).save_pretrained(tmp_path)
    whole.save_pretrained(tmp_path)
    start = Model(str(tmp_path), 24, "mean", None, None, None, Vocabulary(None, None), None)
    tokenizer = load_tokenizer(start, [])
    texts = ["abc eñe", "cab a qqq", "a"]
    after, kept = cut(tokenizer, used(tokenizer, texts), min_count=1, size=None)
    before, encoder = build_encoder(start, tokenizer).eval(), build_encoder(start, after, None, kept).eval()
    np.testing.assert_allclose(encoder.encode(texts), before.encode(texts), atol=1e-6)
    old, new = (each.backbone.get_input_embeddings().weight.detach() for each in (before, encoder))
    assert torch.equal(new, old[kept["id"].to_pylist()])
    fewer = sum(each.numel() for each in before.parameters()) - sum(each.numel() for each in encoder.parameters())
    assert fewer == (rows - len(kept)) * 16
    config = encoder.backbone.config
    assert (config.vocab_size, config.pad_token_id, config.bos_token_id) == (len(kept), 1, 0)
    assert config.sep_token_id == after.mask_token_id
    save(encoder, tmp_path / "saved")
    theirs = SentenceTransformer(str(tmp_path / "saved"), device="cpu").encode(texts)
    np.testing.assert_allclose(theirs, before.encode(texts), atol=1e-6)
    np.testing.assert_allclose(Encoder.load(tmp_path / "saved").encode(texts), before.encode(texts), atol=1e-6)
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again.get_vocab() == after.get_vocab()
    assert again(texts, padding=True)["input_ids"] == after(texts, padding=True)["input_ids"]


def test_a_padding_token_that_positions_are_counted_from_must_keep_its_id() -> None:
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    kept = KEPT.empty_table().from_pydict({"id": [0, 2], "piece": ["a", "b"], "count": [1, 1]}, schema=KEPT)
    for kind, config in ((RobertaModel, RobertaConfig), (BertModel, BertConfig)):
        backbone = kind(config(vocab_size=9, pad_token_id=2, **shape))
        if kind is RobertaModel:
            with pytest.raises(ModelError, match=r"RobertaModel counts positions from its padding token's id, 2"):
                take(backbone, kept)
            continue
        take(backbone, kept)
        assert backbone.config.pad_token_id == backbone.get_input_embeddings().padding_idx == 1


def test_what_cannot_be_cut_is_refused_by_its_kind(make_encoder: Callable[..., Encoder]) -> None:
    words = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    for backend, kind in (
        (words, "WordLevel; WordPiece, BPE, Unigram can be cut"),
        (Tokenizer(models.BPE({"a</w>": 0}, [], end_of_word_suffix="</w>")), "BPE marks words with '</w>'"),
    ):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
        with pytest.raises(ModelError, match=rf"model\.vocabulary\.keep: the start.*{kind}"):
            cut(tokenizer, np.zeros(2, np.int64), min_count=1, size=None)


def test_without_held_out_texts_the_share_is_undefined(tokenizer: PreTrainedTokenizerFast) -> None:
    assert changed(tokenizer, tokenizer, []) is None
    after, _ = cut(tokenizer, used(tokenizer, []), min_count=1, size=None)
    texts = ["abc abc", "a", "b", "c"]
    differing = [text for text in texts if pieces_of(tokenizer, text) != pieces_of(after, text)]
    assert 0 < changed(tokenizer, after, texts) == len(differing) / 4 < 1
