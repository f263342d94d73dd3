"""The table of training sentences that a benchmark's sentences are like."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from terna.data.contamination import ngrams
from terna.data.contamination.index import Index
from terna.data.contamination.normalize import normalise

# each training sentence that is like a benchmark's, and the one it is most like
OVERLAPS = pa.schema(
    [
        ("sentence", pa.int64()),
        ("benchmark", pa.string()),
        ("scored", pa.string()),
        ("kind", pa.string()),
        ("overlap", pa.float64()),
    ]
)

# an exact match sorts before a near one, then the highest overlap, then the first text
Rank = tuple[bool, float, str]


def find(sentences: pa.Array | pa.ChunkedArray, scored: Mapping[str, Sequence[str]], limit: float) -> pa.Table:
    """The sentences that equal or nearly equal one of a benchmark, as an OVERLAPS table.

    A pair is `exact` when it is equal once normalised, `near` when its overlap, the Jaccard index of its sets of
    character n-grams, is at least `limit` (above 0, at most 1). A sentence has one row a benchmark: an exact match
    before a near one, then the highest overlap, then the first text by code point. `sentence` is its place in
    `sentences`; rows are sorted by it, then by benchmark as in `scored`. A text without letter or digit is like none.
    """
    names, forms = list(scored), _forms(scored)
    best: dict[tuple[int, int], Rank] = {}
    for sentence, form, equal, overlap in _alike(sentences, list(forms), limit):
        for place, text in forms[form].items():
            rank = (not equal, -overlap, text)
            best[sentence, place] = min(rank, best.get((sentence, place), rank))
    rows = [
        (sentence, names[place], text, "near" if other else "exact", -minus)
        for (sentence, place), (other, minus, text) in sorted(best.items())
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * len(OVERLAPS), schema=OVERLAPS)


def _forms(scored: Mapping[str, Sequence[str]]) -> dict[str, dict[int, str]]:
    """Each normal form, and the first text that has it of each benchmark (by place)."""
    forms: dict[str, dict[int, str]] = {}
    for place, texts in enumerate(scored.values()):
        listed = sorted(set(texts))
        for form, text in zip(normalise(pa.array(listed, pa.string())).to_pylist(), listed, strict=True):
            if form:
                forms.setdefault(form, {}).setdefault(place, text)
    return forms


def _alike(
    sentences: pa.Array | pa.ChunkedArray, forms: Sequence[str], limit: float
) -> Iterator[tuple[int, str, bool, float]]:
    """Each sentence (by place) with each form that it is like, whether they are equal, and their overlap."""
    if not forms:
        return
    index = Index.of(forms, limit)
    for first in range(0, len(sentences), ngrams.CHUNK):
        texts = normalise(sentences.slice(first, ngrams.CHUNK))
        for row, place in index.near(texts).tolist():
            text = texts[row].as_py()
            overlap = _jaccard(ngrams.ngrams(text), ngrams.ngrams(forms[place]))
            if overlap >= limit:
                yield first + row, forms[place], text == forms[place], overlap


def _jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)
