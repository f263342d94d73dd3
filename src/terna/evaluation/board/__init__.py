"""The board: every system on every benchmark, with intervals, all pairs compared, and groups of ties."""

from terna.evaluation.board.read import Unread, Used, read_benchmarks
from terna.evaluation.board.scoring import Scored, score
from terna.evaluation.board.standing import Entry, Standing, lexical, mean, standing
from terna.evaluation.board.tables import comparisons, markdown, records

__all__ = [
    "Entry",
    "Scored",
    "Standing",
    "Unread",
    "Used",
    "comparisons",
    "lexical",
    "markdown",
    "mean",
    "read_benchmarks",
    "records",
    "score",
    "standing",
]
