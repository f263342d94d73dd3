"""Files of one's own, made up: no sentence comes twice in one."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

NOUNS = ("tren", "perro", "río", "pan", "barco", "jardín", "libro", "puente", "reloj", "mercado")


def sentence(number: int) -> str:
    return f"El {NOUNS[number % 10]} número {number} está junto al {NOUNS[number // 10 % 10]}."


def rows(*marks: object, texts: int = 2, count: int = 40) -> list[list[object]]:
    """Rows of sentences, none of which comes twice, and of marks in turn behind them."""
    return [
        [*(sentence(texts * row + place) for place in range(texts)), *marks[row % len(marks) : row % len(marks) + 1]]
        if marks
        else [sentence(texts * row + place) for place in range(texts)]
        for row in range(count)
    ]


def table(path: Path, header: Sequence[str], content: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *content] if header else content)
    return path


def nli(premises: int) -> list[list[str]]:
    """Each premise with an entailment, a contradiction and a neutral sentence."""
    labels = ("entailment", "contradiction", "neutral")
    return [
        [sentence(4 * one), sentence(4 * one + place), label]
        for one in range(premises)
        for place, label in enumerate(labels, start=1)
    ]


def scored() -> list[list[object]]:
    """Sixty scored pairs, whose sentences are in none of the others."""
    numbers = random.Random(3).sample(range(5000, 9000), 120)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [[sentence(one), sentence(other), one % 11 / 2] for one, other in pairs]
