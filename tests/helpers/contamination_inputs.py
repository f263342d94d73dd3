"""What is like a benchmark's sentence, by brute force, and sentences to try it on."""

import random
from collections.abc import Mapping, Sequence

import pyarrow as pa

from terna.data.contamination import OVERLAPS, find, normalise

Row = tuple[int, str, str, str, float]


def normal(*written: str) -> list[str]:
    plain: list[str] = normalise(pa.array(written, pa.string())).to_pylist()
    return plain


def jaccard(left: str, right: str) -> float:
    """Over sets of runs of five letters; a text that has none is one itself."""
    first, second = ({text[i : i + 5] for i in range(len(text) - 4)} or {text} for text in (left, right))
    return len(first & second) / len(first | second)


def brute_force(sentences: Sequence[str], scored: Mapping[str, Sequence[str]], limit: float) -> list[Row]:
    found = []
    for place, sentence in enumerate(sentences):
        (left,) = normal(sentence)
        for name, written in scored.items():
            alike = []
            for text, right in zip(written, normal(*written), strict=True):
                overlap = jaccard(left, right)
                if left and right and overlap >= limit:
                    alike.append((left != right, -overlap, text))
            if alike:
                other, minus, text = min(alike)
                found.append((place, name, text, "near" if other else "exact", -minus))
    return found


def search(sentences: Sequence[str], scored: Mapping[str, Sequence[str]], limit: float) -> list[Row]:
    table = find(pa.array(sentences, pa.string()), scored, limit)
    assert table.schema == OVERLAPS
    return [tuple(row.values()) for row in table.to_pylist()]


def words(rng: random.Random, number: int) -> list[str]:
    """Sentences of 5 to 14 words out of 300 made of syllables: many n-grams are in many of them."""
    lexicon = ["".join(rng.choices(["ca", "sa", "ri", "do", "men", "te", "la", "que"], k=3)) for _ in range(300)]
    return [" ".join(rng.choices(lexicon, k=rng.randint(5, 14))) for _ in range(number)]


def spoilt(rng: random.Random, text: str) -> dict[str, str]:
    place, parts = rng.randrange(10, len(text) - 10), text.split()
    return {
        "a typo": f"{text[:place]}x{text[place + 1 :]}",
        "a word less": " ".join(parts[:-1]),
        "tokenised": f"`` {text.capitalize()} '' .",
        "another case": text.upper(),
        "punctuation": f"¡{text.replace(' ', ', ', 1)}!",
        "an accent": text.replace("a", "á", 1),
    }
