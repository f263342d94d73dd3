"""The encoder, the floors and other systems on every benchmark: measured once, then told in figures."""

from terna.evaluation.measure import Measured, measure
from terna.evaluation.results import few, points, predictions, results, taken_apart
from terna.evaluation.seeds import Pooled, pooled

__all__ = ["Measured", "Pooled", "few", "measure", "points", "pooled", "predictions", "results", "taken_apart"]
