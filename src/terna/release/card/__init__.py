"""The model card: what a reader must know before using the encoder. card.md.j2 has the words, Python the values."""

from terna.release.card.document import differing, fill, passage, render

__all__ = ["differing", "fill", "passage", "render"]
