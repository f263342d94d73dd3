"""Labelled pairs → swapped-pair triplets, and the development split.

The rule is the published model's: each pair counts in both directions, and each sentence that then has at least one
entailment and one contradiction gives two rows, (s, an entailment, a contradiction) and (an entailment, s, a
contradiction). What it drew from unordered sets without a seed is drawn here from sorted candidates with one.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from terna.arrays import Bools, Ints, take
from terna.data.numbering import distinct, firsts, numbered, sorted_places
from terna.errors import DataError
from terna.records import LABELS, POSITIVES, TRIPLETS
from terna.sentences import number


@dataclass(frozen=True)
class Split:
    """Triplets to train on and to develop on (TRIPLETS tables), and the counts of what was done.

    positives, a POSITIVES table: each sentence of the training triplets with each of its entailment partners that is a
    sentence of them too, in whichever direction they were labelled, sorted. Only training pairs count. Sentences that
    are equal after `fold` share their partners, and are none of each other's.
    """

    train: pa.Table
    dev: pa.Table
    positives: pa.Table
    counts: dict[str, int]


def build(pairs: pa.Table, *, target: str, seed: int, dev_fraction: float) -> Split:
    """Triplets from a PAIRS table, the same for any order of its rows.

    Of the premises, round(dev_fraction x their number) are held out: development triplets come from their pairs
    alone, less the pairs with a sentence that occurs in a training pair, so that no sentence (after `fold`) is on both
    sides. Pairs that would put one text twice into a triplet are left out first, and counted where there are any:
    `pairs_of_one_text`, entailments and contradictions of two equal texts, and `pairs_labelled_both_ways`, those of two
    texts that have both labels, in whichever direction. Raises DataError when a row is not in language `target`
    or no triplet comes out.
    """
    _check_language(pairs, target)
    texts, classes, edges = _numbered(pairs)
    edges, left_out = _usable(edges, classes)
    held, shared = _held_out(edges, classes, np.random.default_rng([seed, 0]), dev_fraction)
    trained, developed = edges.where(~held), edges.where(held & ~shared)
    train = _draw(trained, np.random.default_rng([seed, 1]))
    dev = _draw(developed, np.random.default_rng([seed, 2]))
    if not len(train):
        raise DataError(
            "no triplet: no sentence that is trained on has both an entailment and a contradiction; "
            "add pairs or corpora, or lower triplets.dev_fraction"
        )
    positives = _partners(trained, classes, np.unique(train))
    counts = {
        "pairs": len(pairs),
        "sentences": len(texts),
        "triplets_before_split": 2 * len(_anchors(edges)),
        "triplets_train": len(train),
        "triplets_dev": len(dev),
        "known_positives": len(positives),
        "pairs_held_out": int(held.sum()),
        "pairs_held_out_dropped_as_shared": int((held & shared).sum()),
        **left_out,
    }
    return Split(
        _triplets(train, _origins(train, trained), pairs, texts),
        _triplets(dev, _origins(dev, developed), pairs, texts),
        pa.table(_take(texts, positives), schema=POSITIVES),
        counts,
    )


def no_triplets() -> Split:
    """The split of a mix that has no labelled pairs."""
    names = ("pairs", "sentences", "triplets_before_split", "triplets_train", "triplets_dev", "known_positives")
    counts = dict.fromkeys([*names, "pairs_held_out", "pairs_held_out_dropped_as_shared"], 0)
    return Split(TRIPLETS.empty_table(), TRIPLETS.empty_table(), POSITIVES.empty_table(), counts)


def count_triplets(pairs: pa.Table) -> int:
    """How many triplets the rule gives on a PAIRS table, without drawing them."""
    _, classes, edges = _numbered(pairs)
    edges, _ = _usable(edges, classes)
    return 2 * len(_anchors(edges))


@dataclass(frozen=True)
class _Edges:
    """Labelled pairs of sentence numbers, as written, premise first; labels as places in LABELS, corpora by name."""

    premise: Ints
    hypothesis: Ints
    label: Ints
    corpus: Ints
    sentences: int

    def where(self, mask: Bools) -> "_Edges":
        return _Edges(self.premise[mask], self.hypothesis[mask], self.label[mask], self.corpus[mask], self.sentences)

    def both_ways(self, label: str) -> Ints:
        """(m, 2): each distinct pair of this label in both directions, sorted."""
        chosen = self.where(self.label == LABELS.index(label))
        ahead = np.concatenate([chosen.premise, chosen.hypothesis])
        back = np.concatenate([chosen.hypothesis, chosen.premise])
        return _pairs_once(ahead, back, self.sentences)


def _numbered(pairs: pa.Table) -> tuple[pa.ChunkedArray, Ints, _Edges]:
    """The sentences of a PAIRS table, sorted, the class of each, equal after `fold`, by first one, and the pairs."""
    found = numbered(pairs["premise"], pairs["hypothesis"])
    order = sorted_places(found.texts)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    premise, hypothesis = (place.take(column) for column in found.numbers)
    labels = number(pairs["label"], pa.array(LABELS))
    corpus = number(pairs["corpus"], distinct(pairs["corpus"]))
    edges = _Edges(premise, hypothesis, labels, corpus, len(order))
    return take(found.texts, order), _by_first(found.keys.take(order)), edges


def _by_first(keys: Ints) -> Ints:
    """The keys numbered from 0 on in the order in which they occur."""
    first = firsts(keys)
    return (np.cumsum(first == np.arange(len(first))) - 1).take(first)


def _usable(edges: _Edges, classes: Ints) -> tuple[_Edges, dict[str, int]]:
    """The pairs that put no text twice into a triplet, and how many do, by reason where there are any."""
    ends = np.sort([classes[edges.premise], classes[edges.hypothesis]], axis=0)
    codes, neutral = ends[0] * edges.sentences + ends[1], edges.label == LABELS.index("neutral")
    entailed, contradicted = (codes[edges.label == LABELS.index(label)] for label in ("entailment", "contradiction"))
    alone = (ends[0] == ends[1]) & ~neutral
    both = np.isin(codes, np.intersect1d(entailed, contradicted)) & ~neutral & ~alone
    counts = {"pairs_of_one_text": int(alone.sum()), "pairs_labelled_both_ways": int(both.sum())}
    return edges.where(~alone & ~both), {reason: count for reason, count in counts.items() if count}


def _check_language(pairs: pa.Table, target: str) -> None:
    foreign = pairs.filter(pc.not_equal(pairs["language"], target))
    if len(foreign):
        names = ", ".join(sorted(set(foreign["corpus"].to_pylist())))
        raise DataError(
            f"{len(foreign)} pairs of {names} are not in {target!r} but in {foreign['language'][0].as_py()!r}: "
            f"they were not translated; choose a translation (translate=...) or a corpus in {target!r}"
        )


def _held_out(edges: _Edges, classes: Ints, rng: np.random.Generator, fraction: float) -> tuple[Bools, Bools]:
    """Which pairs have a held-out premise, and which pairs have a sentence of a pair that has not."""
    premise, hypothesis = classes[edges.premise], classes[edges.hypothesis]
    candidates = np.unique(premise)
    chosen = rng.choice(candidates, size=round(fraction * len(candidates)), replace=False)
    held = np.isin(premise, chosen)
    trained = np.union1d(premise[~held], hypothesis[~held])
    return held, np.isin(premise, trained) | np.isin(hypothesis, trained)


def _anchors(edges: _Edges) -> Ints:
    """Sentences with an entailment and a contradiction, in either direction, sorted."""
    return np.intersect1d(edges.both_ways("entailment")[:, 0], edges.both_ways("contradiction")[:, 0])


def _draw(edges: _Edges, rng: np.random.Generator) -> Ints:
    """(n, 3): two triplets of sentence numbers for each such sentence."""
    entailments, contradictions = edges.both_ways("entailment"), edges.both_ways("contradiction")
    anchors = np.intersect1d(entailments[:, 0], contradictions[:, 0])
    forward = [anchors, _choose(anchors, entailments, rng), _choose(anchors, contradictions, rng)]
    swapped = [_choose(anchors, entailments, rng), anchors, _choose(anchors, contradictions, rng)]
    return np.stack([np.stack(forward, axis=1), np.stack(swapped, axis=1)], axis=1).reshape(-1, 3)


def _choose(anchors: Ints, ways: Ints, rng: np.random.Generator) -> Ints:
    """For each anchor one of its partners in `ways` (sorted by anchor), at random."""
    first = np.searchsorted(ways[:, 0], anchors, side="left")
    last = np.searchsorted(ways[:, 0], anchors, side="right")
    return np.asarray(ways[rng.integers(first, last), 1]) if len(anchors) else anchors


def _partners(edges: _Edges, classes: Ints, sentences: Ints) -> Ints:
    """(m, 2): those of `sentences` whose classes were labelled an entailment, sorted."""
    ways = classes[edges.both_ways("entailment")]
    ways = ways[ways[:, 0] != ways[:, 1]]
    found = pa.table({"class": ways[:, 0], "other": ways[:, 1]})
    for key, name in (("class", "sentence"), ("other", "positive")):
        found = found.join(pa.table({key: classes[sentences], name: sentences}), key, join_type="inner")
    return _pairs_once(found["sentence"].to_numpy(), found["positive"].to_numpy(), edges.sentences)


def _pairs_once(first: Ints, second: Ints, sentences: int) -> Ints:
    """(m, 2): each pair once, sorted."""
    return np.stack(np.divmod(np.unique(first * sentences + second), sentences), axis=1)


def _origins(rows: Ints, edges: _Edges) -> Ints:
    """(n,): the corpus of the pair of anchor and positive, in either direction; of several the first by name."""
    pairs = edges.where(edges.label == LABELS.index("entailment"))
    ahead, back = pairs.premise * edges.sentences + pairs.hypothesis, pairs.hypothesis * edges.sentences + pairs.premise
    codes, corpora = np.concatenate([ahead, back]), np.tile(pairs.corpus, 2)
    order = np.lexsort((corpora, codes))
    known, first = np.unique(codes[order], return_index=True)
    return corpora[order[first[np.searchsorted(known, rows[:, 0] * edges.sentences + rows[:, 1])]]]


def _triplets(rows: Ints, origins: Ints, pairs: pa.Table, texts: pa.ChunkedArray) -> pa.Table:
    corpus = take(distinct(pairs["corpus"]), origins)
    return pa.table([*_take(texts, rows), corpus], schema=TRIPLETS)


def _take(texts: pa.ChunkedArray, rows: Ints) -> list[pa.ChunkedArray]:
    return [take(texts, column) for column in rows.T]
