"""The encoder, the floors and other systems on every benchmark: measured once, then told in figures."""

from terna.evaluation.measured import Measured, measure
from terna.evaluation.results import few, points, predictions, results, taken_apart

__all__ = ["Measured", "few", "measure", "points", "predictions", "results", "taken_apart"]
