"""What a benchmark's one figure is made of: where the model is good, where it fails, how its vectors lie."""

from terna.evaluation.diagnosis.neighbours import neighbours
from terna.evaluation.diagnosis.parts import Scored, diagnose
from terna.evaluation.diagnosis.record import Band, Diagnosis, Neighbour, Neighbours, Pair, Part, Space, read, write
from terna.evaluation.diagnosis.space import spread

__all__ = [
    "Band",
    "Diagnosis",
    "Neighbour",
    "Neighbours",
    "Pair",
    "Part",
    "Scored",
    "Space",
    "diagnose",
    "neighbours",
    "read",
    "spread",
    "write",
]
