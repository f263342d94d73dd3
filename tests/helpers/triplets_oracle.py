"""The rule of the triplets written plainly, with dicts and loops, and tables to try it on."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from composed import compose_once, small

from terna.data.corpora import read_nli
from terna.records import PAIRS

Pair = tuple[str, str, str]
Triplet = tuple[str, str, str]


def table(pairs: Iterable[Pair], language: str = "es", corpus: str = "name") -> pa.Table:
    rows = [(*pair, language, corpus) for pair in pairs]
    return pa.Table.from_pylist([dict(zip(PAIRS.names, row, strict=True)) for row in rows], schema=PAIRS)


def samples(root: Path) -> pa.Table:
    """The pairs of the default mix."""
    declared = compose_once(root, small()).corpora
    return pa.concat_tables([read_nli(name, one, root / "samples" / "nli")[0] for name, one in declared.items()])


def pairs_of(pairs: pa.Table) -> list[Pair]:
    return [(row["premise"], row["hypothesis"], row["label"]) for row in pairs.to_pylist()]


def rows(triplets: pa.Table) -> list[Triplet]:
    return [(row["anchor"], row["positive"], row["negative"]) for row in triplets.to_pylist()]


def partners(pairs: Iterable[Pair], label: str) -> dict[str, set[str]]:
    """Whom each sentence is paired with under a label, in either direction."""
    found: dict[str, set[str]] = {}
    for premise, hypothesis, given in pairs:
        if given == label:
            found.setdefault(premise, set()).add(hypothesis)
            found.setdefault(hypothesis, set()).add(premise)
    return found


def usable(pairs: Iterable[Pair]) -> list[Pair]:
    """Without the pairs that would put a text twice into a triplet: of one text, or labelled both ways."""
    pairs, labels = list(pairs), {}
    for premise, hypothesis, label in pairs:
        labels.setdefault(frozenset([fold(premise), fold(hypothesis)]), set()).add(label)
    bad = [ends for ends, given in labels.items() if len(ends) == 1 or {"entailment", "contradiction"} <= given]
    return [pair for pair in pairs if pair[2] == "neutral" or frozenset([fold(pair[0]), fold(pair[1])]) not in bad]


def possible(pairs: Iterable[Pair]) -> dict[str, tuple[set[Triplet], set[Triplet]]]:
    """For each sentence with an entailment and a contradiction: its possible triplets, forward and swapped."""
    pairs = usable(pairs)
    entailed, contradicted = partners(pairs, "entailment"), partners(pairs, "contradiction")
    found = {}
    for s in entailed.keys() & contradicted.keys():
        forward = {(s, e, c) for e in entailed[s] for c in contradicted[s]}
        found[s] = forward, {(e, s, c) for _, e, c in forward}
    return found


def known_positives(pairs: Iterable[Pair], sentences: Iterable[str]) -> list[tuple[str, str]]:
    """Which of the sentences were labelled an entailment of each other, in some spelling and either direction."""
    entailed = partners(((fold(one), fold(other), label) for one, other, label in usable(pairs)), "entailment")
    texts = sorted(set(sentences))
    found = [(one, other) for one in texts for other in texts if fold(other) in entailed.get(fold(one), set())]
    return [(one, other) for one, other in found if fold(one) != fold(other)]


def is_a_draw(triplets: list[Triplet], pairs: Iterable[Pair]) -> bool:
    """Whether the rows are, sentence after sentence, one forward and one swapped triplet for each that has them."""
    choices = possible(pairs)
    if Counter(anchor for anchor, _, _ in triplets[::2]) != Counter(list(choices)):
        return False
    return all(
        forward in choices[forward[0]][0] and swapped in choices[forward[0]][1]
        for forward, swapped in zip(triplets[::2], triplets[1::2], strict=True)
    )


def folds(triplets: pa.Table) -> set[str]:
    return {fold(text) for row in rows(triplets) for text in row}


def fold(text: str) -> str:
    """A canonical caseless match by its definition in Unicode, runs of white space as one space."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", " ".join(text.split())).casefold())
