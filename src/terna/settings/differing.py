"""Settings side by side: the keys whose values differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def different(found: Sequence[Mapping[str, Any]], path: str = "") -> Iterator[str]:
    """The dotted keys whose values differ; where one is a section in some alone, the key of the section."""
    for key in dict.fromkeys(key for one in found for key in one):
        values = [one.get(key) for one in found]
        if all(value == values[0] for value in values):
            continue
        sections = [value for value in values if isinstance(value, Mapping)]
        if len(sections) == len(values) and all(one.keys() == sections[0].keys() for one in sections):
            yield from different(sections, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def at(settings: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None where there is none."""
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
