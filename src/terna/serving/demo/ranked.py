"""Scores of a model and of the lexical baseline → two rankings, each row with its rank in the other one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terna.arrays import Floats

Ranking = list[dict[str, Any]]


def both(
    sentences: Sequence[str], lines: Sequence[int], model: Floats, lexical: Floats, most: int
) -> dict[str, Ranking]:
    """The `most` best by each, equals in their order; by the lexical baseline only what has a part in common.

    model, lexical: scores (n,), more = more alike. Each row: line, sentence, score, and `other`, its rank by the other;
    None where the lexical baseline finds nothing in common. Equals have the same rank, the first of theirs.
    """
    ranks = _ranks(model), [rank if score > 0 else None for rank, score in zip(_ranks(lexical), lexical, strict=True)]
    first, second = _order(model)[:most], [row for row in _order(lexical)[:most] if lexical[row] > 0]

    def told(rows: Sequence[int], scores: Floats, others: Sequence[int | None]) -> Ranking:
        return [
            {"line": lines[row], "sentence": sentences[row], "score": float(scores[row]), "other": others[row]}
            for row in rows
        ]

    return {"ranked": told(first, model, ranks[1]), "lexical": told(second, lexical, ranks[0])}


def _order(scores: Floats) -> list[int]:
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def _ranks(scores: Floats) -> list[int]:
    """1 + how many are more alike."""
    ranks: list[int] = (1 + np.searchsorted(np.sort(-scores), -scores)).tolist()
    return ranks
