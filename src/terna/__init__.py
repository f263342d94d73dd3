"""Swapped-pair NLI triplets to a scored sentence encoder, reproducibly."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terna.encoder import Encoder

__all__ = ["Encoder"]


def __getattr__(name: str) -> Any:
    """`Encoder`, when it is asked for: torch takes seconds to import, which a wrong setting need not wait for."""
    if name == "Encoder":
        from terna.encoder import Encoder

        return Encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
