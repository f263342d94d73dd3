"""An epoch's duplicate-free batches as index arrays."""

from terna.arrays import Ints
from terna.training.batches.plan import Plan, plan

__all__ = ["Ints", "Plan", "plan"]
