"""Translations put in the place of what was translated."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from terna.records import PAIRS

SIDES = ("premise", "hypothesis")


def replace(pairs: pa.Table, translations: pa.Table, target: str) -> tuple[pa.Table, dict[str, Counter[str]]]:
    """Put each sentence's translation in its place and drop the pairs that lost a sentence.

    pairs: a PAIRS table of one language. translations: source, target, reason, as `translate` gives them, for every
    sentence of `pairs`. Returns the PAIRS table in language `target`, and by corpus how many pairs were dropped by
    reason: the premise's where both sides have one.
    """
    places = [pc.index_in(pairs[side], value_set=translations["source"].combine_chunks()) for side in SIDES]
    premise, hypothesis = (translations["target"].take(place) for place in places)
    reason = pc.coalesce(*(translations["reason"].take(place) for place in places))
    lost = Counter(
        zip(pairs["corpus"].filter(pc.is_valid(reason)).to_pylist(), pc.drop_null(reason).to_pylist(), strict=True)
    )
    language = pa.array([target] * len(pairs), pa.string())
    columns = [premise, hypothesis, pairs["label"], language, pairs["corpus"]]
    kept = pa.table(columns, schema=PAIRS).filter(pc.is_null(reason))
    return kept, {name: _of(lost, name) for name in pc.unique(pairs["corpus"]).to_pylist()}


def _of(lost: Counter[tuple[str, str]], corpus: str) -> Counter[str]:
    return Counter({reason: count for (name, reason), count in sorted(lost.items()) if name == corpus})
