"""Hard negatives."""

from collections.abc import Iterator, Mapping
from typing import Any

from terna.settings.checks.shapes import LEARNT, ROWS, learnt
from terna.settings.declaration import Corpus
from terna.settings.plain import written
from terna.settings.schema import Mine
from terna.settings.training import Train

# the same of the group mine, where nothing is mined
UNMINED: Mapping[str, Any] = {
    "negatives": 4,
    "range_min": 0,
    "range_max": None,
    "absolute_margin": None,
    "relative_margin": 0.05,
    "max_score": None,
    "min_score": None,
    "sampling": "top",
    "others": "keep",
    "search": "exact",
}


def check_mine(corpora: dict[str, Corpus], mine: Mine, train: Train) -> Iterator[str]:
    if mine.encoder is None:
        for name, usual in UNMINED.items():
            if (given := getattr(mine, name)) != usual:
                yield (
                    f"mine.{name}: {written(given)}, and mine.encoder is null, so that nothing is mined; name an "
                    f"encoder, or leave it at {written(usual)}"
                )
        return
    if mine.range_max is not None and mine.negatives > mine.range_max - mine.range_min:
        yield (
            f"mine.range_max: {mine.range_max} less range_min, {mine.range_min}, leaves fewer than negatives, "
            f"{mine.negatives}; raise it"
        )
    if mine.max_score is not None and mine.min_score is not None and mine.min_score >= mine.max_score:
        yield f"mine.min_score: {mine.min_score}, not below max_score, {mine.max_score}; lower it"
    if train.distill:
        yield "mine.encoder: negatives are for what is ranked, and train.distill ranks nothing; set it to null"
    elif (chosen := learnt(corpora, train)) and not any(corpus.kind in LEARNT["tuples"] for corpus in chosen.values()):
        kinds = " and ".join(dict.fromkeys(ROWS[corpus.kind] for corpus in chosen.values()))
        yield f"mine.encoder: negatives are for what is ranked, and the mix has only {kinds}; set it to null"
