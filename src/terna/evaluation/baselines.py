"""Lexical baselines: how alike two sentences are by their words or letters alone, what an encoder has to beat."""

import re
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from terna.arrays import Floats
from terna.errors import DataError


def lexical(left: Sequence[str], right: Sequence[str]) -> dict[str, Floats]:
    """Three baselines of each pair of sentences, in [0, 1], more = more alike: jaccard, tfidf_words, tfidf_chars.

    Each result: (n,). The TF-IDF weights are fitted on these very sentences, both columns, so a benchmark is scored
    whole. A sentence without a word (or character n-gram) is like nothing: 0. Raises DataError for unequal lengths.
    """
    if len(left) != len(right):
        raise DataError(f"{len(left)} first and {len(right)} second sentences: each pair needs both")
    return {
        "jaccard": np.array([_jaccard(*pair) for pair in zip(left, right, strict=True)], np.float64),
        "tfidf_words": _tfidf(TfidfVectorizer(), left, right),
        "tfidf_chars": _tfidf(TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True), left, right),
    }


def _jaccard(left: str, right: str) -> float:
    """Shared words over all words, after lower-casing; a word is a run of letters, digits and underscores."""
    first, second = (set(re.findall(r"\w+", text.lower())) for text in (left, right))
    return len(first & second) / max(1, len(first | second))


def _tfidf(vectorizer: TfidfVectorizer, left: Sequence[str], right: Sequence[str]) -> Floats:
    """The cosine of the TF-IDF vectors of each pair."""
    terms = vectorizer.build_analyzer()
    # scikit-learn refuses an empty vocabulary
    if not any(terms(text) for text in (*left, *right)):
        return np.zeros(len(left))
    vectors = vectorizer.fit_transform([*left, *right])
    # its rows have unit length, or are zero
    products = vectors[: len(left)].multiply(vectors[len(left) :])
    return np.asarray(products.sum(axis=1), np.float64).reshape(-1)
