"""Swapped-pair NLI triplets to a scored sentence encoder, reproducibly."""
