"""Similarities, correlations and the bootstrap: what training and evaluation both compute."""
