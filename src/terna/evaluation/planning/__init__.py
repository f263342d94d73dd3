"""Before a run: which differences a benchmark can show, from the predictions that are on record."""

from terna.evaluation.planning.plan import Planned, plan
from terna.evaluation.planning.seeds import Seeds
from terna.evaluation.planning.tables import recorded
from terna.evaluation.planning.words import explained, markdown

__all__ = ["Planned", "Seeds", "explained", "markdown", "plan", "recorded"]
