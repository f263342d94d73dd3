"""Hyperparameters: the space that a search is over, what to try next, and the trials as a table."""

from terna.running.search.proposal import library, propose
from terna.running.search.space import Choice, Parameter, Range, parse
from terna.running.search.trials import Trial, best_of, markdown

__all__ = ["Choice", "Parameter", "Range", "Trial", "best_of", "library", "markdown", "parse", "propose"]
