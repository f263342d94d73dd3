"""The model card: what a reader must know before using the encoder, filled from what was measured."""

from terna.card.document import render

__all__ = ["render"]
