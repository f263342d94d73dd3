"""Hyperparameters: the space that a search is over, what to try next, and trials and finals as tables."""

from terna.running.search.allowed import allow
from terna.running.search.finals import Finals, distinct_starts, finalists, outcome_of
from terna.running.search.proposal import library, propose
from terna.running.search.space import Choice, Parameter, Range, combined, parse
from terna.running.search.trials import Trial, best_of, markdown

__all__ = [
    "Choice",
    "Finals",
    "Parameter",
    "Range",
    "Trial",
    "allow",
    "best_of",
    "combined",
    "distinct_starts",
    "finalists",
    "library",
    "markdown",
    "outcome_of",
    "parse",
    "propose",
]
