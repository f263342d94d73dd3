"""What a setting takes, in plain words, from the fault that pydantic found."""

from collections.abc import Mapping
from typing import Any

from terna.settings.kinds import kinds_of

# by pydantic's name of the fault; its context is filled in
WANTED: Mapping[str, str] = {
    "float_type": "a finite number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "settings by key",
    "dataclass_type": "settings by key",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "too_short": "a list of {min_length} or more",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
NUMBERS = ("float_type", "int_type")


def wanted(key: str, fault: Mapping[str, Any]) -> str | None:
    """What the setting at a dotted key takes, where the fault says it; None for a fault of another kind."""
    if (words := WANTED.get(fault["type"])) is None:
        return None
    unquoted = ", unquoted" if fault["type"] in NUMBERS and isinstance(fault["input"], str) else ""
    null = ", or null" if type(None) in kinds_of(key) and fault["input"] is not None else ""
    return words.format(**fault.get("ctx", {})) + unquoted + null
