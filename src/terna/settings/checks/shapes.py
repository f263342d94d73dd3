"""What the shapes of corpora are called, and which losses learn from them."""

from collections.abc import Mapping

from terna.settings.declaration import Corpus
from terna.settings.training import Train

# which shapes of corpora a loss of LOSSES learns from
LEARNT = {
    "tuples": ("nli", "pairs", "triplets"),
    "scored": ("scored",),
    "classed": ("classed",),
    "texts": ("texts",),
}


# what messages call the rows of a shape
ROWS: Mapping[str, str] = {
    "nli": "labelled pairs",
    "pairs": "pairs without labels",
    "triplets": "triplets",
    "scored": "scored pairs",
    "classed": "classed pairs",
    "texts": "raw texts",
    "parallel": "translated sentences",
}


def learnt(corpora: dict[str, Corpus], train: Train) -> dict[str, Corpus]:
    """The corpora that are trained on: a weight of 0 leaves one to be read alone."""
    return {name: corpus for name, corpus in corpora.items() if train.weights.get(name, 1.0)}
