"""Lines of text, a chunk at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice

from terna.errors import DataError


def chunks(lines: Iterable[bytes], size: int) -> Iterator[list[str | None]]:
    """Up to `size` lines at a time, without their ends; None for a line that is blank or no UTF-8."""
    rest = iter(lines)
    while many := [text_of(line) for line in islice(rest, size)]:
        yield many


def text_of(line: bytes) -> str | None:
    """The text of a line; None where there is none."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return None
    return text if text.strip() else None


def pair_of(line: bytes, number: int) -> tuple[str, str]:
    """The two sentences of a line; DataError, with its number, where there are not two."""
    text = text_of(line)
    parts = [part.strip() for part in (text or "").split("\t")]
    if len(parts) != 2 or not all(parts):
        raise DataError(f"standard input, line {number}: two sentences with a tab between them are needed, in UTF-8")
    return parts[0], parts[1]
