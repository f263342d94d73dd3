"""What a setting takes, by the schema alone."""

from dataclasses import is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from terna.settings.schema import Settings


def kinds_of(key: str) -> list[Any]:
    """The types that the setting at a dotted key takes, a union taken apart; none where there is no such setting."""
    found: list[Any] = [Settings]
    for part in key.split("."):
        found = [one for kind in found for one in _within(kind, part)]
    return found


def _within(kind: Any, part: str) -> list[Any]:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return _apart(hints[part]) if part in hints else []
    if get_origin(kind) is dict:
        return _apart(get_args(kind)[1])
    return []


def _apart(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, UnionType):
        return [one for each in get_args(hint) for one in _apart(each)]
    return [hint]
