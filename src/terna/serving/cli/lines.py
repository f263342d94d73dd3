"""Lines of text, a chunk at a time; what one holds is decided by `text_of` alone."""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice

from terna.errors import DataError
from terna.sentences import decoded

STDIN = "standard input"
# what would end a line or a column of it, as printed
ESCAPES = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r"})


def chunks(lines: Iterable[bytes], size: int, name: str) -> Iterator[list[str | None]]:
    """Up to `size` texts at a time: see `texts_of`."""
    rest = texts_of(lines, name)
    while many := list(islice(rest, size)):
        yield many


def texts_of(lines: Iterable[bytes], name: str) -> Iterator[str | None]:
    """The text of each line: see `text_of` and `read`."""
    for number, line in enumerate(read(lines, name), start=1):
        yield text_of(line, number, name)


def read(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The lines; DataError, with `name`, when the next one cannot be read."""
    try:
        yield from lines
    except OSError as error:
        raise DataError(f"{name}: {error.strerror}; give a text file") from error


def text_of(line: bytes, number: int, name: str) -> str | None:
    """The text of a line, in NFC and without a byte order mark; None where it is blank or not UTF-8.

    Raises DataError, with `name` and `number`, for what shows that the whole is no UTF-8 text in lines.
    """
    content = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        text = composed(decoded(content, number, name))
    except UnicodeDecodeError:
        text = None
    if b"\r" in content:
        raise DataError(f"{name}, line {number}: a carriage return that ends no line; convert it: tr '\\r' '\\n'")
    return text


def composed(text: str) -> str | None:
    """`text` in NFC and without a byte order mark, which else give it another vector; None where it is blank."""
    text = unicodedata.normalize("NFC", text.removeprefix("\ufeff"))
    return text if text.strip() else None


def argument_of(word: str, name: str) -> str:
    """A sentence that was given as an argument; DataError, with `name`, where it is blank or not UTF-8."""
    # Python keeps bytes that are not UTF-8 as halves of surrogate pairs
    if any("\ud800" <= sign <= "\udfff" for sign in word):
        raise DataError(f"{name}: {word!r} is not UTF-8; give it in UTF-8")
    text = composed(word)
    if text is None:
        raise DataError(f"{name}: blank; give a sentence")
    return text


def pair_of(text: str | None, number: int) -> tuple[str, str]:
    """The two sentences of a line's text; DataError, with the line's number, where there are not two."""
    parts = [part.strip() for part in (text or "").split("\t")]
    if len(parts) != 2 or not all(parts):
        raise DataError(f"{STDIN}, line {number}: two sentences with a tab between them are needed, in UTF-8")
    return parts[0], parts[1]


def shown(text: str) -> str:
    r"""`text` as a column of a printed line: a tab, newline or carriage return as \t, \n or \r."""
    return text.translate(ESCAPES)
