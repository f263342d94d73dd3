"""The encoder, the floors and other systems on every benchmark: measured once, then told in figures."""

from terna.evaluation.measured import Measured, measure
from terna.evaluation.pooled import Pooled, pooled
from terna.evaluation.results import few, points, predictions, results, taken_apart

__all__ = ["Measured", "Pooled", "few", "measure", "points", "pooled", "predictions", "results", "taken_apart"]
