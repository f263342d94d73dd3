"""The switch that turns off what is there for speed alone: the environment variable TERNA_PLAIN."""

import os

from terna.errors import SettingsError


def is_plain() -> bool:
    """Whether TERNA_PLAIN=1 asks to compute without what is there for speed alone; see docs/machines.md.

    Raises SettingsError for any value but 0 and 1.
    """
    value = os.environ.get("TERNA_PLAIN", "0")
    if value not in ("0", "1"):
        raise SettingsError([f"TERNA_PLAIN: {value!r} in the environment; set it to 0 or 1, or unset it"])
    return value == "1"
