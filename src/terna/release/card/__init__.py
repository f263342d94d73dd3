"""The model card: what a reader must know before using the encoder, filled from what was measured."""

from terna.release.card.document import render
from terna.release.card.filled import fill

__all__ = ["fill", "render"]
