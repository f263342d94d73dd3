"""Our translation against transformers' row by row, on a model of OPUS-MT's real size with random weights.

    python benchmarks/translation.py [--sentences 2000] [--slices 4]

Marian with 6 + 6 layers of width 512, 8 heads and 65,001 pieces, made here; sentences from synthetic_nli.py, in pieces
of a sentencepiece model fitted on them. Each slice goes through both sides, in alternation: ours (batches of like
length, a process a core) and a loop of tokenizer and `generate`, which is what transformers' pipeline did a row at a
time, with torch's own threads. Beams, length and precision are the same. Random weights never end a sentence, so that
each has --new-tokens tokens: what ending early saves on either side is not shown. Start-up is within our time.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pyarrow as pa
import pyarrow.parquet as pq
import sentencepiece
import torch
from synthetic_nli import write
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, MarianConfig, MarianMTModel, MarianTokenizer

from terna.data.corpora import read_nli
from terna.data.numbering import distinct
from terna.data.translation import translate
from terna.settings import Corpus, File, Machine, Translate, Translator

OUT = Path(__file__).resolve().parent / "out"
VOCABULARY = 65_001


def sentences(folder: Path, count: int) -> list[str]:
    """Distinct English-looking sentences, evenly from SNLI's and MultiNLI's premises and hypotheses."""
    write(folder, pairs=10_000, language="en", seed=1, shuffle=None)
    files = [
        File(addresses=["snli_1.0.zip"], sha256=[], members=["snli_1.0_train.jsonl"]),
        File(addresses=["multinli_1.0.zip"], sha256=[], members=["multinli_1.0_train.jsonl"]),
    ]
    corpus = Corpus(format="snli_jsonl", language="en", files=files, licence="", citation="", exact=False)
    pairs, _ = read_nli("synthetic", corpus, folder)
    texts: list[str] = distinct(pairs["premise"], pairs["hypothesis"]).to_pylist()
    step = len(texts) // count
    return texts[: step * count : step]


def save_marian(folder: Path, texts: list[str]) -> None:
    """A Marian checkpoint of OPUS-MT's shape."""
    prefix = str(folder / "fitted")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=prefix, vocab_size=8000, hard_vocab_limit=False, minloglevel=2
    )
    fitted = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    pieces = [fitted.id_to_piece(number) for number in range(3, fitted.get_piece_size())]
    filler = [f"<{number}>" for number in range(VOCABULARY - len(pieces) - 3)]
    vocabulary = ["</s>", "<unk>", *pieces, *filler, "<pad>"]
    for name in ("source.spm", "target.spm"):
        shutil.copy(f"{prefix}.model", folder / name)
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    MarianTokenizer.from_pretrained(folder).save_pretrained(folder)
    torch.manual_seed(1)
    config = MarianConfig(
        vocab_size=VOCABULARY,
        d_model=512,
        encoder_layers=6,
        decoder_layers=6,
        encoder_attention_heads=8,
        decoder_attention_heads=8,
        encoder_ffn_dim=2048,
        decoder_ffn_dim=2048,
        activation_function="swish",
        scale_embedding=True,
        static_position_embeddings=True,
        max_position_embeddings=512,
        init_std=0.1,  # wide, so that no two tokens are nearly as likely
        pad_token_id=VOCABULARY - 1,
        decoder_start_token_id=VOCABULARY - 1,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)


def row_by_row(folder: Path, texts: list[str], settings: Translator) -> list[str]:
    """What a loop over transformers gives, with torch's own threads."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.max_length = None
    found = []
    with torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=settings.max_length)
            made = model.generate(**ids, num_beams=settings.beams, max_new_tokens=settings.max_length, do_sample=False)
            found.append(tokenizer.decode(made[0], skip_special_tokens=True))
    return found


def ours(texts: list[str], settings: Translator, work: Path) -> dict[str, str]:
    """What our translation gives, before the rule drops what is of no use: random weights never end a sentence."""
    translate(texts, "en", Translate("es", settings), Machine("cpu", 1, 1, 200, os.cpu_count() or 1, False, 1800), work)
    table = pa.concat_tables([pq.read_table(path) for path in sorted(work.glob("*.parquet"))])
    return dict(zip(table["source"].to_pylist(), table["target"].to_pylist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=2000, help="distinct sentences in all")
    parser.add_argument("--slices", type=int, default=4, help="pairs of measurements")
    parser.add_argument("--beams", type=int, default=4)
    parser.add_argument("--new-tokens", type=int, default=24, help="tokens of each translation")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        texts = sentences(folder, asked.sentences)
        (folder / "model").mkdir()
        save_marian(folder / "model", texts)
        settings = Translator(
            str(folder / "model"), None, {}, asked.beams, "float32", asked.new_tokens, batch_tokens=2048, shard=50
        )
        rows = []
        for number in range(asked.slices):
            chosen = texts[number :: asked.slices]
            start = time.perf_counter()
            made = ours(chosen, settings, folder / f"work{number}")
            middle = time.perf_counter()
            other = row_by_row(folder / "model", chosen, settings)
            end = time.perf_counter()
            same = sum(made[text] == alone for text, alone in zip(chosen, other, strict=True))
            rows.append(
                {
                    "sentences": len(chosen),
                    "ours_per_second": len(chosen) / (middle - start),
                    "row_by_row_per_second": len(chosen) / (end - middle),
                    "ratio": (end - middle) / (middle - start),
                    "same": same / len(chosen),
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    ratios = [row["ratio"] for row in rows]
    OUT.mkdir(exist_ok=True)
    (OUT / "translation.json").write_text(json.dumps(rows, indent=2) + "\n")
    print(
        f"{asked.sentences} sentences, {asked.beams} beams, {asked.new_tokens} tokens: ours is "
        f"{statistics.median(ratios):.2f} times as fast (median; {min(ratios):.2f} to {max(ratios):.2f}), "
        f"{statistics.mean(row['same'] for row in rows):.2%} of the outputs are equal"
    )


if __name__ == "__main__":
    main()
