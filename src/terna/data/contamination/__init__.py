"""Training sentences that equal, or nearly equal, a sentence of a benchmark."""

from terna.data.contamination.finder import OVERLAPS, find
from terna.data.contamination.normalize import normalise

__all__ = ["OVERLAPS", "find", "normalise"]
