"""Distinct sentences → their translations, shard by shard, and what of them is of no use.

A run that is killed at any moment resumes where it stopped and ends in the bytes of one that never was.
"""

from terna.data.translation.degenerate import degenerate
from terna.data.translation.rows import replace
from terna.data.translation.translation import translate

__all__ = ["degenerate", "replace", "translate"]
