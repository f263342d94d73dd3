"""Small checkpoints from random weights, each with a tokenizer fitted here: Marian, M2M100 and NLLB."""

import json
import shutil
from pathlib import Path

import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    NllbTokenizer,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

from terna.settings import Machine, Translate, Translator

SENTENCES = [
    "A man sleeps.",
    "Two dogs run in the park.",
    "The woman reads a long book near the old window.",
    "No, no, no.",
    "Who left the letter under the door of the mill?",
    "It rains.",
    "The baker opened the shop before dawn and lit the oven with dry oak from the hill behind the church.",
    "Nobody knew why the boat had come back without its crew.",
    "Are you coming?",
    "She paid 12 coins for the red scarf.",
    "Children play in the street while their mothers talk.",
    "There is no bread today.",
    "A blue car waits in front of the closed school.",
]
CPU = Machine("cpu", 1, 1, 200, 1, False, 1800)
# makes Marian end a sentence before its last token now and then, which random weights alone hardly ever do
ENDING = 7.0
# what all the models here have in common: wide weights, so that no two tokens are nearly as likely
SHAPE = {
    "d_model": 24,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "init_std": 0.6,
    "tie_word_embeddings": False,
}


def settings(checkpoint: Path | str, **changes: object) -> Translate:
    """Settings into Spanish with small batches and shards of four, with changes."""
    usual: dict[str, object] = {
        "checkpoint": str(checkpoint),
        "revision": None,
        "codes": {},
        "beams": 3,
        "precision": "float32",
        "max_length": 30,
        "batch_tokens": 40,
        "shard": 4,
    }
    return Translate("es", Translator(**(usual | changes)))  # type: ignore[arg-type]


def fit(folder: Path) -> tuple[Path, list[str]]:
    """A sentencepiece model of SENTENCES: its file, and its pieces without the three special ones."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_prefix=str(folder / "fitted"),
        vocab_size=120,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    fitted = sentencepiece.SentencePieceProcessor(model_file=str(folder / "fitted.model"))
    return folder / "fitted.model", [fitted.id_to_piece(number) for number in range(3, fitted.get_piece_size())]


def save_marian(folder: Path, scratch: Path, seed: int = 1) -> Path:
    """A Marian checkpoint in the layout of OPUS-MT, with its bad words, its beams and a length of its own."""
    spm, pieces = fit(scratch)
    vocabulary = ["</s>", "<unk>", *pieces, "<pad>"]
    folder.mkdir(parents=True)
    for name in ("source.spm", "target.spm"):
        shutil.copy(spm, folder / name)
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    MarianTokenizer.from_pretrained(folder).save_pretrained(folder)
    padding = len(vocabulary) - 1
    torch.manual_seed(seed)
    special = {"pad_token_id": padding, "decoder_start_token_id": padding, "eos_token_id": 0, "forced_eos_token_id": 0}
    model = MarianMTModel(MarianConfig(vocab_size=len(vocabulary), scale_embedding=True, **SHAPE, **special))
    model.final_logits_bias[0, 0] = ENDING
    config = model.generation_config
    config.bad_words_ids, config.num_beams, config.max_length, config.early_stopping = [[padding]], 6, 50, True
    model.save_pretrained(folder)
    return folder


def save_m2m100(folder: Path, scratch: Path) -> Path:
    """An M2M100 checkpoint with its hundred languages."""
    spm, pieces = fit(scratch)
    folder.mkdir(parents=True)
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    shutil.copy(spm, folder / "sentencepiece.bpe.model")
    languages = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]
    files = str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model")
    M2M100Tokenizer(*files, additional_special_tokens=languages).save_pretrained(folder)
    _save_many(folder, len(vocabulary) + len(languages))
    return folder


def save_nllb(folder: Path) -> Path:
    """An NLLB checkpoint whose tokens are single letters."""
    letters = ["▁", *sorted({letter for text in SENTENCES for letter in text} - {" "})]
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *letters]
    tokenizer = NllbTokenizer(vocab={piece: number for number, piece in enumerate(vocabulary)}, merges=[])
    tokenizer.save_pretrained(folder)
    _save_many(folder, len(tokenizer))
    return folder


def _save_many(folder: Path, vocabulary: int) -> None:
    torch.manual_seed(3)
    model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=vocabulary, **SHAPE))
    model.generation_config.max_length = 50
    model.save_pretrained(folder)
