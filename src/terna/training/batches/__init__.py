"""An epoch's duplicate-free batches as index arrays."""

from terna.training.batches.plan import Ints, Plan, plan

__all__ = ["Ints", "Plan", "plan"]
