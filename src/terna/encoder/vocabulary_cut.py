"""A vocabulary cut to the entries that a text uses, and a backbone without the embeddings of the others.

An entry goes only if its characters have entries of their own: a text that needs it is then spelled by shorter ones.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from terna.arrays import Ints
from terna.encoder.token_vectors import padding_positions
from terna.encoder.vocabulary import model_of, rebuilt
from terna.errors import ModelError
from terna.records import KEPT

KEY = "model.vocabulary.keep"
KINDS = ("WordPiece", "BPE", "Unigram")
# what stands for a byte where a character has no entry
BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def used(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Ints:
    """How often each entry occurs in texts, (entries,) by id."""
    if not texts:
        return np.zeros(_entries(tokenizer), np.int64)
    ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return np.bincount(np.concatenate([np.asarray(row, np.int64) for row in ids]), minlength=_entries(tokenizer))


def changed(before: PreTrainedTokenizerBase, after: PreTrainedTokenizerBase, texts: Sequence[str]) -> float | None:
    """The share of texts that two tokenizers cut into other pieces; None when there are no texts."""
    pairs = [(before.tokenize(text), after.tokenize(text)) for text in texts]
    return sum(old != new for old, new in pairs) / len(pairs) if pairs else None


def cut(
    tokenizer: PreTrainedTokenizerBase, counts: Ints, *, min_count: int, size: int | None
) -> tuple[PreTrainedTokenizerBase, pa.Table]:
    """A tokenizer with the entries that occur min_count times or more, `size` at most, the most frequent ones.

    counts: see `used`. Special and added tokens, characters, bytes, and entries with a character that has no entry of
    its own stay in any case, and with an entry of BPE those that it is merged from. Of equals the lower id stays.
    Returns a KEPT table, whose row i is what entry i was.

    Raises ModelError for a tokenizer that is not of KINDS, and for a size that is less than what stays in any case.
    """
    model = model_of(tokenizer)
    if model["type"] not in KINDS:
        raise ModelError(f"{KEY}: the start cuts words by {model['type']}; {', '.join(KINDS)} can be cut")
    if affix := model.get("end_of_word_suffix") or (model["type"] == "BPE" and model.get("continuing_subword_prefix")):
        raise ModelError(f"{KEY}: the start's BPE marks words with {affix!r}, which cannot be cut; set {KEY} to null")
    entries = tokenizer.get_vocab()
    kept = _always(tokenizer, model, entries)
    if size and len(kept) > size:
        raise ModelError(
            f"{KEY}.size: {size}, but {len(kept)} entries stay in any case: special tokens, characters and bytes; "
            "raise it"
        )
    names = {number: entry for entry, number in entries.items()}
    frequent = sorted((number for number in names if counts[number] >= min_count), key=lambda one: (-counts[one], one))
    parts = Merges(model, entries) if model["type"] == "BPE" else None
    for number in frequent:
        more = {number, *(parts.route(names[number]) if parts else ())}
        if size and len(kept) + len(more - kept) > size:
            break
        kept |= more
    old = sorted(kept)
    table = pa.table([old, [names[number] for number in old], counts[old]], schema=KEPT)
    return _without(tokenizer, {number: place for place, number in enumerate(old)}, names), table


def take(backbone: PreTrainedModel, kept: pa.Table) -> None:
    """Leave a backbone the embeddings of a KEPT table's entries, in its order; an empty one leaves it as it is.

    Raises ModelError for a backbone that counts positions from its padding's id, when that id changes.
    """
    if not len(kept):
        return
    old = kept["id"].to_pylist()
    new = {number: place for place, number in enumerate(old)}
    if (first := padding_positions(backbone)) and new.get(first - 1) != first - 1:
        raise ModelError(
            f"{KEY}: {type(backbone).__name__} counts positions from its padding token's id, {first - 1}, and the cut "
            "would change it; set it to null"
        )
    words: Any = backbone.get_input_embeddings()
    words.weight = nn.Parameter(words.weight.detach()[torch.tensor(old)].clone())
    words.num_embeddings = len(old)
    if words.padding_idx is not None:
        words.padding_idx = new.get(words.padding_idx)
    backbone.config.vocab_size = len(old)
    for key, number in backbone.config.to_dict().items():
        if key.endswith("_token_id") and number is not None:
            setattr(backbone.config, key, _renumbered(number, new))


class Merges:
    """The merges of a BPE by rank: which entries a text goes through until it is one entry."""

    def __init__(self, model: dict[str, Any], entries: dict[str, int]) -> None:
        self._ranks = {pair: rank for rank, pair in enumerate(map(pair_of, model["merges"]))}
        self._entries = entries

    def route(self, entry: str) -> list[int]:
        """The ids of the entries that an entry is merged from, itself last; none for one that merges do not make."""
        parts, passed = list(entry), []
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            place = min(range(len(pairs)), key=lambda one: self._ranks.get(pairs[one], len(self._ranks)))
            if pairs[place] not in self._ranks:
                return []
            parts[place : place + 2] = ["".join(pairs[place])]
            passed.append(self._entries[parts[place]])
        return passed


def pair_of(merge: str | Sequence[str]) -> tuple[str, str]:
    """A merge of a tokenizer.json: two pieces, in older files with a space between them."""
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second


def _entries(tokenizer: PreTrainedTokenizerBase) -> int:
    return max(tokenizer.get_vocab().values()) + 1


def _always(tokenizer: PreTrainedTokenizerBase, model: dict[str, Any], entries: dict[str, int]) -> set[int]:
    """The ids of what stays in any case."""
    special = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab(), model.get("unk_token")}
    kept = {number for entry, number in entries.items() if entry in special or _stays(entry, model, entries)}
    if model["type"] == "Unigram":
        # an unknown character counts as much less than the least likely entry as ever
        least = min(range(len(model["vocab"])), key=lambda one: model["vocab"][one][1])
        kept |= {least} if model["unk_id"] is None else {least, model["unk_id"]}
    return kept


def _stays(entry: str, model: dict[str, Any], entries: dict[str, int]) -> bool:
    """Whether an entry is a character or a byte, or could not be spelled without it."""
    if BYTE.fullmatch(entry):
        return True
    prefix = model.get("continuing_subword_prefix") or ""
    inner = bool(prefix) and entry.startswith(prefix) and entry != prefix
    bare = entry.removeprefix(prefix) if inner else entry
    letters = [prefix + letter if place or inner else letter for place, letter in enumerate(bare)]
    return len(letters) < 2 or not all(letter in entries for letter in letters)


def _without(tokenizer: PreTrainedTokenizerBase, new: dict[int, int], names: dict[int, str]) -> PreTrainedTokenizerBase:
    """The tokenizer with the entries of `new`, which maps old ids to new ones."""

    def change(content: dict[str, Any]) -> None:
        _cut_model(content["model"], new)
        content["added_tokens"] = [token | {"id": new[token["id"]]} for token in content["added_tokens"]]
        for processor in _processors(content["post_processor"]):
            for token in processor.get("special_tokens", {}).values() if "single" in processor else ():
                token["ids"] = [new[number] for number in token["ids"]]
            for side in ("sep", "cls"):
                if side in processor:
                    processor[side][1] = new[processor[side][1]]
        if content["padding"]:
            content["padding"]["pad_id"] = new[content["padding"]["pad_id"]]

    found = rebuilt(tokenizer, change)
    if found.get_vocab() != {names[number]: place for number, place in new.items()}:
        kind = type(tokenizer).__name__
        raise ModelError(f"{KEY}: {kind} does not load with a part of its vocabulary; set {KEY} to null")
    return found


def _cut_model(model: dict[str, Any], new: dict[int, int]) -> None:
    if model["type"] == "Unigram":
        model["vocab"] = [entry for number, entry in enumerate(model["vocab"]) if number in new]
        model["unk_id"] = new.get(model["unk_id"])
        return
    vocab = model["vocab"] = {entry: new[number] for entry, number in model["vocab"].items() if number in new}
    if model["type"] == "BPE":
        pairs = map(pair_of, model["merges"])
        model["merges"] = [list(pair) for pair in pairs if {*pair, "".join(pair)} <= vocab.keys()]


def _processors(processor: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """A post-processor, or those that it is a sequence of."""
    if processor:
        yield processor
        for inner in processor.get("processors", ()):
            yield from _processors(inner)


def _renumbered(number: int | Iterable[int], new: dict[int, int]) -> int | list[int | None] | None:
    """The new id of a token, or of each of several; None for one that went."""
    return new.get(number) if isinstance(number, int) else [new.get(one) for one in number]
