"""Texts as integers: equality of texts becomes equality of numbers."""

from terna.data.numbering.equality import firsts
from terna.data.numbering.numbers import Numbered, distinct, keys, numbered, once, sorted_places

__all__ = ["Numbered", "distinct", "firsts", "keys", "numbered", "once", "sorted_places"]
