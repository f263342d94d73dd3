"""Words of another language as entries of a WordPiece vocabulary, which start from what their translations mean.

A backbone that never saw a language cuts its words into pieces that say nothing. A word whose translation is known
becomes an entry of its own, and its first vector is the mean of its translations' vectors: the layers above then read
the sentence word by word as they would read it in their own language.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from terna.errors import ModelError
from terna.records import STARTS

# old entries and their shares
Start = dict[int, float]


def words(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[str]]:
    """The words that the tokenizer looks up, before it cuts them into pieces; ModelError if it knows no WordPieces."""
    if (kind := model_of(tokenizer)["type"]) != "WordPiece":
        raise ModelError(
            f"model.vocabulary.words: the backbone cuts words by {kind}; only WordPiece takes words of its own"
        )
    backend: Any = tokenizer.backend_tokenizer
    normal = backend.normalizer.normalize_str if backend.normalizer else str
    return [[word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal(text))] for text in texts]


def adapt(
    tokenizer: PreTrainedTokenizerBase, alignment: pa.Table, *, min_count: float, own_pieces: float
) -> tuple[PreTrainedTokenizerBase, pa.Table]:
    """A tokenizer with the words of an ALIGNMENT table that are aligned min_count times or more, and their starts.

    A word's first vector is that of its translations, each by its count, and of the pieces that the word was cut into
    before, which count own_pieces times. Words that are entries already change their meaning. Returns a STARTS table,
    sorted by id.
    """
    found = dict(_starts(tokenizer, alignment, min_count, own_pieces))
    entries = tokenizer.get_vocab()
    ids = entries | {word: len(entries) + place for place, word in enumerate(w for w in found if w not in entries)}
    rows = sorted((ids[word], list(start), list(start.values())) for word, start in found.items())
    table = pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * len(STARTS), schema=STARTS)
    return rebuilt(tokenizer, lambda content: content["model"].update(vocab=ids)), table


def start(backbone: PreTrainedModel, starts: pa.Table) -> None:
    """Give the entries of a STARTS table their first vectors, and the backbone room for them."""
    old = _embeddings(backbone).clone()
    if len(starts):
        size = max(len(old), pc.max(starts["id"]).as_py() + 1)
        backbone.resize_token_embeddings(size, mean_resizing=False)
    new = _embeddings(backbone)
    for row in starts.to_pylist():
        new[row["id"]] = torch.tensor(row["shares"]) @ old[row["pieces"]]


def model_of(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """How a tokenizer cuts words, as its tokenizer.json says it; of one without such a file the class, as `type`."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    found: dict[str, Any] = json.loads(backend.to_str())["model"] if backend else {"type": type(tokenizer).__name__}
    return found


def rebuilt(tokenizer: PreTrainedTokenizerBase, change: Callable[[dict[str, Any]], None]) -> PreTrainedTokenizerBase:
    """The tokenizer with another tokenizer.json: through its files, since transformers cannot change one in place.

    Its other files of entries are left out: they would contradict that one.
    """
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        path = Path(folder) / "tokenizer.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        for name in {*tokenizer.vocab_files_names.values(), "vocab.txt", "added_tokens.json"} - {path.name}:
            (Path(folder) / name).unlink(missing_ok=True)
        made: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return made


def _embeddings(backbone: PreTrainedModel) -> Tensor:
    """The weights of the word embeddings (entries, width), not to be differentiated."""
    return cast(nn.Embedding, backbone.get_input_embeddings()).weight.detach()


def _starts(
    tokenizer: PreTrainedTokenizerBase, alignment: pa.Table, min_count: float, own_pieces: float
) -> Iterator[tuple[str, Start]]:
    """Each word that is added, in the alignment's order, with what it starts from."""
    translations: dict[str, list[tuple[str, float]]] = {}
    for row in alignment.to_pylist():
        translations.setdefault(row["word"], []).append((row["translation"], row["count"]))
    for word, found in translations.items():
        if word.isalpha() and sum(count for _, count in found) >= min_count:
            meant = [*found, *([(word, own_pieces)] if own_pieces else [])]
            yield word, _shares(tokenizer, meant)


def _shares(tokenizer: PreTrainedTokenizerBase, meant: list[tuple[str, float]]) -> Start:
    total = sum(count for _, count in meant)
    shares: Start = {}
    for text, count in meant:
        pieces = tokenizer(text, add_special_tokens=False)["input_ids"]
        for piece in pieces:
            shares[piece] = shares.get(piece, 0.0) + count / total / len(pieces)
    return shares
