"""Swapped-pair NLI triplets to a scored sentence encoder, reproducibly."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terna.encoder import Encoder

__all__ = ["Encoder"]


def __getattr__(name: str) -> Any:
    """Import `Encoder` on first use: torch takes seconds to import, and an error in the settings is reported before."""
    if name == "Encoder":
        from terna.encoder import Encoder

        return Encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
