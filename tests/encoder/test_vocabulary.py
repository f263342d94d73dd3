"""New words start from what their translations mean, and the folder is one that sentence-transformers loads."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from composed import compose_once, small
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokens import with_words
from transformers import BertConfig, BertModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from terna import Encoder
from terna.encoder import build_encoder, load_tokenizer, save
from terna.encoder.vocabulary import adapt, words
from terna.errors import ModelError
from terna.records import ALIGNMENT, PARALLEL, STARTS, read_table, write_table
from terna.settings import Model, Vocabulary

ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "bread", "to", "##ast", "no", "pa", "##n", "."]
FOUND = [("el", "the", 3.0), ("no", "the", 1.5), ("pan", "bread", 1.5), ("pan", "toast", 0.5), ("raro", "bread", 0.2)]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A small BERT from random weights, in the hub's layout, whose vocabulary knows a little English."""
    backend = Tokenizer(WordPiece({entry: place for place, entry in enumerate(ENTRIES)}, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    backend.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=backend, mask_token="[MASK]", **special).save_pretrained(tmp_path / "b")
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(3)
    BertModel(BertConfig(vocab_size=len(ENTRIES), max_position_embeddings=32, **shape)).save_pretrained(tmp_path / "b")
    return Model(str(tmp_path / "b"), 32, "mean", None, None, None, Vocabulary(None, None), None)


@pytest.fixture
def tokenizer(model: Model) -> PreTrainedTokenizerBase:
    return load_tokenizer(model, [])


def found(rows: list[tuple[str, str, float]] = FOUND) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=ALIGNMENT)


def test_a_first_vector_is_the_mean_of_the_translations_and_of_the_word_s_own_pieces(
    model: Model, tokenizer: PreTrainedTokenizerBase
) -> None:
    adapted, starts = adapt(tokenizer, found(), min_count=1.0, own_pieces=1.0)
    old = BertModel.from_pretrained(model.backbone).get_input_embeddings().weight.detach()
    new = build_encoder(model, adapted, starts).backbone.get_input_embeddings().weight.detach()
    at = {entry: old[place] for place, entry in enumerate(ENTRIES)}
    toast, pan = (at["to"] + at["##ast"]) / 2, (at["pa"] + at["##n"]) / 2
    ids = adapted.get_vocab()
    torch.testing.assert_close(new[ids["pan"]], (1.5 * at["bread"] + 0.5 * toast + pan) / 3)
    # an entry that is a word of both languages changes its meaning
    torch.testing.assert_close(new[ids["no"]], (1.5 * at["the"] + at["no"]) / 2.5)
    assert ids["no"] == ENTRIES.index("no")
    others = [place for entry, place in ids.items() if entry in ENTRIES and entry != "no"]
    torch.testing.assert_close(new[others], old[others], atol=0, rtol=0)
    assert "raro" not in ids
    assert len(ids) == len(new) == len(ENTRIES) + 2


def test_without_own_pieces_a_word_is_read_as_its_translation(model: Model, tokenizer: PreTrainedTokenizerBase) -> None:
    adapted, starts = adapt(tokenizer, found([("el", "the", 2.0), ("pan", "bread", 2.0)]), min_count=1.0, own_pieces=0)
    encoder = build_encoder(model, adapted, starts)
    spanish, english = encoder.encode(["El pan.", "The bread."])
    np.testing.assert_allclose(spanish, english, atol=1e-6)


def test_the_folder_gives_sentence_transformers_the_same_vectors(
    model: Model, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    adapted, starts = adapt(tokenizer, found(), min_count=1.0, own_pieces=0.5)
    encoder = build_encoder(model, adapted, starts)
    save(encoder, tmp_path / "out")
    texts = ["El pan, no.", "PAN", "toast pan el"]
    theirs = SentenceTransformer(str(tmp_path / "out"), device="cpu").encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=1e-5)
    np.testing.assert_allclose(Encoder.load(tmp_path / "out").encode(texts), theirs, atol=1e-5)
    assert adapted.tokenize("El pan") == ["el", "pan"]


def test_no_words_leave_tokenizer_and_backbone_as_they_are(model: Model, tokenizer: PreTrainedTokenizerBase) -> None:
    before = build_encoder(model, tokenizer).encode(["the bread"])
    after = build_encoder(model, tokenizer, STARTS.empty_table()).encode(["the bread"])
    np.testing.assert_array_equal(before, after)


def test_words_are_what_the_tokenizer_looks_up_and_another_kind_is_refused(
    tokenizer: PreTrainedTokenizerBase, make_encoder: object
) -> None:
    assert words(tokenizer, ["El PAN, ¿qué tal?"]) == [["el", "pan", ",", "¿", "que", "tal", "?"]]
    with pytest.raises(ModelError, match=r"model\.vocabulary\.words: the backbone cuts words by BPE"):
        words(make_encoder().tokenizer, ["El pan."])  # type: ignore[operator]


def test_the_stage_learns_from_as_many_sentences_as_are_asked_for(
    tokenizer: PreTrainedTokenizerBase, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = [("The bread.", "El pan."), ("No bread.", "Sin pan."), ("To the bread.", "Hacia la hogaza.")]
    rows = [{"source": source, "target": target} for source, target in pairs]
    write_table(pa.Table.from_pylist(rows, schema=PARALLEL), Path("data/parallel/sentences.parquet"), PARALLEL)
    read = {}
    for count in (2, 3):
        asked = ["model=minilm_es", "parallel=esxnli", f"model.vocabulary.words.sentences={count}"]
        with_words(tokenizer, compose_once(root, small(asked)))
        read[count] = set(read_table(Path("data/tokens/word_alignment.parquet"), ALIGNMENT)["word"].to_pylist())
    assert {"el", "pan", "sin"} <= read[2]
    assert read[3] - read[2] == {"hacia", "la", "hogaza"}
