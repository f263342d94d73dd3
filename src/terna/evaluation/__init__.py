"""The encoder, the baselines and other systems on every benchmark: measured once, then told in figures."""

from terna.evaluation.measure import Measured, measure_systems
from terna.evaluation.results import few, points, predictions, results, taken_apart
from terna.evaluation.seeds import Pooled, pooled

__all__ = ["Measured", "Pooled", "few", "measure_systems", "points", "pooled", "predictions", "results", "taken_apart"]
