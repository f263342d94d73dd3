"""Sentences: the distinct ones, when two count as the same, and their tokens."""

import codecs
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Ints
from terna.errors import DataError

# texts that go to the tokenizer at once
CHUNK = 8192
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32's other mark begins as UTF-16's


def number(column: pa.ChunkedArray, texts: pa.Array) -> Ints:
    """Each text's place among `texts`."""
    places: Ints = pc.index_in(column, value_set=texts).to_numpy().astype(np.int64)
    return places


def fold(text: str) -> str:
    """What two texts have in common when they count as the same text: NFC, in folded case, blanks made one space.

    Texts have the same exactly when they are a canonical caseless match (The Unicode Standard, D145), once runs of
    white space are one space within and none at the ends.
    """
    text = " ".join(text.split())
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def decoded(line: bytes, number: int, name: str) -> str:
    """A line of UTF-8 as text; a byte order mark at the start of line 1 is no part of it.

    Raises DataError, with `name` and `number`, for UTF-16, UTF-32 and NUL bytes, and UnicodeDecodeError for bytes that
    are not UTF-8.
    """
    if number == 1 and line.startswith(WIDE):
        raise DataError(f"{name}: UTF-16 or UTF-32, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    if b"\0" in line:
        raise DataError(
            f"{name}, line {number}: a NUL byte: UTF-16, or no text; give UTF-8 text, one sentence per line"
        )
    return line.decode("utf-8-sig" if number == 1 else "utf-8")


def required(line: bytes, number: int, name: str) -> str:
    """A line of UTF-8 as text: see `decoded`; DataError, with `name` and `number`, for bytes that are not UTF-8 too."""
    try:
        return decoded(line, number, name)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}, line {number}: not UTF-8 ({error.reason} at byte {error.start}); if it is Latin-1 or Windows' "
            "encoding, convert it: iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


# what a text is, which says which prompt is put before it: a field of Prompts
Side = Literal["query", "document", "default"]


class Prompts(NamedTuple):
    """What is put before a text: before a query or anchor, before a document, positive or negative, before any other.

    Source of the names: sentence-transformers' `encode_query`, `encode_document` and `default_prompt_name`.
    """

    query: str = ""
    document: str = ""
    default: str = ""

    def before(self, side: Side) -> str:
        """What is put before a text of this side."""
        prompt: str = getattr(self, side)
        return prompt


NO_PROMPTS = Prompts()


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that is used here."""

    def __call__(self, text: list[str], **settings: Any) -> Any: ...


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> tuple[Ints, Ints]:
    """Token ids of texts, each cut to max_length tokens with its special tokens.

    Returns ids (tokens,) int32 and offsets (len(texts) + 1,) int64.
    """
    chunks = list(token_chunks(tokenizer, _chunks(texts), max_length))
    ids = np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in chunks)])
    return ids, offsets_of(lengths for _, lengths in chunks)


def token_chunks(tokenizer: Tokenizer, chunks: Iterable[list[str]], max_length: int) -> Iterator[tuple[Ints, Ints]]:
    """What `tokenize` gives for each chunk of texts: ids one after another and how many each text has, both int32."""
    for encoded in _encoded(tokenizer, chunks, max_length):
        rows = encoded["input_ids"]
        lengths = np.fromiter(map(len, rows), np.int32, len(rows))
        yield np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum())), lengths


def offsets_of(lengths: Iterable[Ints]) -> Ints:
    """(texts + 1,) int64: where each text starts and the last one ends, from the lengths of chunks of texts."""
    return np.append(0, np.cumsum(np.concatenate([np.zeros(0, np.int32), *lengths]), dtype=np.int64))


def word_numbers(tokenizer: Tokenizer, texts: Sequence[str], max_length: int, prompt: str = "") -> Ints:
    """Which word of its text each token of `tokenize` is of, (tokens,) int32; texts: each after the `prompt`.

    Words are what the tokenizer cuts a text into before it cuts these into pieces, counted from 0. -1: of none, a
    special token or one of the prompt.
    """
    whole = ([prompt + text for text in chunk] for chunk in _chunks(texts))
    parts = (
        np.concatenate([_words(each, len(prompt)) for each in encoded.encodings])
        for encoded in _encoded(tokenizer, whole, max_length)
    )
    return np.concatenate([np.zeros(0, np.int32), *parts])


def gather(ids: Ints, offsets: Ints, sentences: Ints) -> tuple[Ints, Ints]:
    """The tokens of the given sentences one after another: ids (tokens,) int64 and lengths (len(sentences),) int64."""
    starts = offsets[sentences]
    lengths = offsets[sentences + 1] - starts
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
    places = np.arange(lengths.sum()) + np.repeat(starts - firsts, lengths)
    return ids[places].astype(np.int64), lengths


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    return (list(texts[first : first + CHUNK]) for first in range(0, len(texts), CHUNK))


def _encoded(tokenizer: Tokenizer, chunks: Iterable[list[str]], max_length: int) -> Iterator[Any]:
    for texts in chunks:
        yield tokenizer(
            texts,
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )


def _words(encoding: Any, skipped: int) -> Ints:
    """The words of one text, whose first `skipped` characters are a prompt, numbered without gaps."""
    words = np.array(
        [
            -1 if word is None or end <= skipped else word
            for word, (_, end) in zip(encoding.word_ids, encoding.offsets, strict=True)
        ],
        np.int32,
    )
    own = words[words >= 0]
    words[words >= 0] = np.cumsum(np.diff(own, prepend=own[:1]) != 0)
    return words
