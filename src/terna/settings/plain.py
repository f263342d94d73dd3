"""Plain values: what settings are made of between a file and the schema."""

import json
from collections.abc import Callable, Iterator
from typing import Any

# mappings and lists within each other; the schema has seven
DEEPEST = 32
# of a value in a message
SHOWN = 100


def unfit(key: str, value: Any, refused: Callable[[str], str | None] = lambda _: None) -> Iterator[str]:
    """Name each key and value below `key` that settings cannot hold, or that `refused` gives a reason against."""
    waiting = [(key, value, 1)]
    while waiting:
        path, found, depth = waiting.pop()
        if depth > DEEPEST:
            yield f"{path[:SHOWN]}…: nested deeper than settings are; leave it out"
        elif isinstance(found, dict):
            for name, inner in found.items():
                if not isinstance(name, str):
                    yield f"{path}.{name!r}: a key is text; put it in quotes"
                elif reason := _odd(name) or ("a key interpolates nothing" if "${" in name else None):
                    yield f"{path}.{shown(name)}: {reason}"
                else:
                    waiting.append((f"{path}.{name}", inner, depth + 1))
        elif isinstance(found, list):
            waiting += [(f"{path}.{place}", inner, depth + 1) for place, inner in enumerate(found)]
        elif reason := _odd(found) or (refused(found) if isinstance(found, str) else None):
            yield f"{path}: {shown(found)}: {reason}"


def _odd(value: Any) -> str | None:
    """Why a value that holds no others is none of settings', or None."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "longer than 64 bits; no setting takes it"
    if isinstance(value, str) and any(0xD800 <= ord(letter) < 0xE000 or letter == "\0" for letter in value):
        return "holds what no text can, a NUL or half of a surrogate pair; write it again"
    if value is not None and not isinstance(value, (str, int, float)):
        return f"a {type(value).__name__}; write text, a number, true, false or null"
    return None


def shown(value: Any) -> str:
    """A value as a message quotes it, cut where it is long."""
    if isinstance(value, int) and value.bit_length() > 1024:
        return "a number"  # Python writes none of more than 4,300 digits
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def written(value: Any) -> str:
    """A value as settings write it, cut where it is long."""
    return json.dumps(value) if value is None or isinstance(value, bool) else shown(value)


def first_line(error: BaseException | None) -> str:
    """What an error says before it goes into detail; its kind when it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
