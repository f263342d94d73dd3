"""Texts as integers: equality of texts becomes equality of numbers."""

from terna.data.numbering.equality import firsts
from terna.data.numbering.numbers import Numbered, keys, numbered, once

__all__ = ["Numbered", "firsts", "keys", "numbered", "once"]
