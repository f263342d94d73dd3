"""Training sentences that equal, or nearly equal, a sentence of a benchmark."""

from terna.contamination.finder import OVERLAPS, find
from terna.contamination.normal import normalise

__all__ = ["OVERLAPS", "find", "normalise"]
