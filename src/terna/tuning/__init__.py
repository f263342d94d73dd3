"""Hyperparameters: the space that a search is over, what to try next, and the trials as a table."""

from terna.tuning.proposal import library, propose
from terna.tuning.space import Choice, Parameter, Range, parse
from terna.tuning.trials import Trial, best_of, markdown

__all__ = ["Choice", "Parameter", "Range", "Trial", "best_of", "library", "markdown", "parse", "propose"]
