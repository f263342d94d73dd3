"""The nearest other sentences of a few sentences of a benchmark, by the model and by the lexical baseline."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terna.arrays import Floats, Ints, Vectors
from terna.evaluation.diagnosis.record import Neighbour, Neighbours
from terna.metrics.similarity import pairwise
from terna.sentences import fold

SENTENCES, NEAREST = 5, 3
# similarities that differ by less are equal: ties stand in the order of the files
DECIMALS = 6


def neighbours(texts: Sequence[str], vectors: Vectors, lexical: Any, measure: str, seed: int) -> list[Neighbours]:
    """The NEAREST others of SENTENCES sentences, drawn with the seed; none where there are fewer than two sentences.

    texts: n sentences, of which those equal after `fold` count once. vectors: (n, d), of the model, compared by
    `measure`, one of SIMILARITIES. lexical: (n, terms), sparse, with rows of length 1 or 0; None where no text has a
    term. What shares no term with a sentence is no neighbour by the baseline.
    """
    places = np.array(sorted({fold(text): place for place, text in reversed([*enumerate(texts)])}.values()), np.int64)
    if len(places) < 2:
        return []
    drawn = np.random.default_rng(seed).choice(places, min(SENTENCES, len(places)), replace=False)
    found = []
    for place in sorted(drawn.tolist()):
        others = places[places != place]
        ours = pairwise(np.broadcast_to(vectors[place], (len(others), len(vectors[place]))), vectors[others])[measure]
        shared = np.zeros(0) if lexical is None else (lexical[others] @ lexical[place].T).toarray().ravel()
        within = shared > 0
        baseline = _nearest(texts, others[within], shared[within]) if lexical is not None else []
        found.append(Neighbours(texts[place], _nearest(texts, others, ours), baseline))
    return found


def _nearest(texts: Sequence[str], places: Ints, similarities: Floats) -> list[Neighbour]:
    first = np.argsort(-similarities.round(DECIMALS), kind="stable")[:NEAREST]
    return [Neighbour(texts[places[row]], round(float(similarities[row]), DECIMALS)) for row in first]
