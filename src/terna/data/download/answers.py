"""What an HTTP answer says of the file: its version, its length, which bytes come, when to ask again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# no more digits than a file can have bytes: int() refuses thousands of them with an error of its own
LENGTH = re.compile(r"[0-9]{1,18}")
RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")


LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Span:
    """From which byte on the answer goes, and how many the whole has; None where the server does not say."""

    first: int
    total: int | None


def validator(headers: Mapping[str, str]) -> str | None:
    """The server's name for this version of the file, fit for If-Range: a strong ETag, else Last-Modified."""
    for name in (headers.get("etag", ""), headers.get("last-modified", "")):
        if name and not name.startswith("W/") and name.isascii() and name.isprintable():
            return name
    return None


def length(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body, where the server says."""
    text = headers.get("content-length", "")
    return int(text) if LENGTH.fullmatch(text) else None


def span(headers: Mapping[str, str]) -> Span | None:
    """What Content-Range says, or None for a header that is missing or makes no sense."""
    match = RANGE.fullmatch(headers.get("content-range", ""))
    if match is None:
        return None
    first, total = match.groups()
    return Span(int(first), None if total == "*" else int(total))


def takes_ranges(headers: Mapping[str, str]) -> bool | None:
    """Whether the rest of this file may be asked for later; None where the server does not say."""
    said = headers.get("accept-ranges", "").lower()
    return said == "bytes" if said else None


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that Retry-After asks for, as a number or as a date; 0 without one."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second from a zone or a year of twenty digits
        return 0.0
    # a date in -0000 comes without a zone, and is in UTC
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def shown(text: object) -> str:
    """What a server said, fit for a message: no control characters, and no more than the first 200 characters."""
    said = str(text)
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in said[:LONGEST_SHOWN])
    return plain + ("…" if len(said) > LONGEST_SHOWN else "")
