"""The report: one page that holds a run's figures, curves, plots and origin, and opens from the disk."""

from terna.release.report.contents import CURVES, Contents, read_curve, read_predictions, read_triplets
from terna.release.report.page import render, render_curves

__all__ = ["CURVES", "Contents", "read_curve", "read_predictions", "read_triplets", "render", "render_curves"]
