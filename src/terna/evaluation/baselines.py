"""Lexical baselines: how alike two texts are by their words or letters alone, what an encoder has to beat."""

import re
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from terna.arrays import Floats, Ints, Vectors
from terna.data.evaluators import Outcomes, Pairs, Retrieval
from terna.errors import DataError
from terna.metrics.ranking import Scorer

WORD = r"\w+"


@singledispatch
def baselines(evaluator: object) -> Outcomes:
    """The outcomes of three baselines on a benchmark: jaccard, tfidf_words, tfidf_chars."""
    raise NotImplementedError(type(evaluator).__name__)


@baselines.register
def _pairs(evaluator: Pairs) -> Outcomes:
    return lexical(*evaluator.sentences)


@baselines.register
def _search(evaluator: Retrieval) -> Outcomes:
    """Fitted on all queries and documents."""
    texts, queries = evaluator.texts, len(evaluator.search.queries)
    scorers = {"jaccard": _overlap(_counted(CountVectorizer(token_pattern=WORD, binary=True), texts), queries)}
    scorers |= {name: _products(_counted(vectorizer(), texts), queries) for name, vectorizer in TFIDF.items()}
    return {name: evaluator.ranked(scorer) for name, scorer in scorers.items()}


TFIDF = {
    "tfidf_words": TfidfVectorizer,
    "tfidf_chars": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
}


def lexical(left: Sequence[str], right: Sequence[str]) -> dict[str, Floats]:
    """Three baselines of each pair of sentences, in [0, 1], more = more alike: jaccard, tfidf_words, tfidf_chars.

    Each result: (n,). The TF-IDF weights are fitted on these very sentences, both columns, so a benchmark is scored
    whole. A sentence without a word (or character n-gram) is like nothing: 0. Raises DataError for unequal lengths.
    """
    if len(left) != len(right):
        raise DataError(f"{len(left)} first and {len(right)} second sentences: each pair needs both")
    return {
        "jaccard": np.array([_jaccard(*pair) for pair in zip(left, right, strict=True)], np.float64),
        **{name: _tfidf(vectorizer(), left, right) for name, vectorizer in TFIDF.items()},
    }


def tfidf_chars(texts: Sequence[str]) -> Any:
    """Rows whose products are the baseline tfidf_chars, sparse (n, terms), fitted on `texts`; None without terms."""
    return _counted(TFIDF["tfidf_chars"](), texts)


def _jaccard(left: str, right: str) -> float:
    """Shared words over all words, after lower-casing; a word is a run of letters, digits and underscores."""
    first, second = (set(re.findall(WORD, text.lower())) for text in (left, right))
    return len(first & second) / max(1, len(first | second))


def _tfidf(vectorizer: TfidfVectorizer, left: Sequence[str], right: Sequence[str]) -> Floats:
    """The cosine of the TF-IDF vectors of each pair."""
    vectors = _counted(vectorizer, [*left, *right])
    if vectors is None:
        return np.zeros(len(left))
    # its rows have unit length, or are zero
    products = vectors[: len(left)].multiply(vectors[len(left) :])
    return np.asarray(products.sum(axis=1), np.float64).reshape(-1)


def _counted(vectorizer: CountVectorizer, texts: Sequence[str]) -> Any:
    """A sparse row a text; None where no text has a term, since scikit-learn refuses an empty vocabulary."""
    terms = vectorizer.build_analyzer()
    return vectorizer.fit_transform(texts) if any(terms(text) for text in texts) else None


def _products(vectors: Any, queries: int) -> Scorer:
    """The products of the sparse rows of some queries, which come first, with those of documents."""

    def score(rows: Ints, columns: slice) -> Vectors:
        if vectors is None:
            return np.zeros((len(rows), columns.stop - columns.start), np.float32)
        documents = vectors[queries + columns.start : queries + columns.stop]
        found: Vectors = (vectors[rows] @ documents.T).toarray().astype(np.float32)
        return found

    return score


def _overlap(words: Any, queries: int) -> Scorer:
    """Shared words over all words."""
    shared = _products(words, queries)
    sizes = np.zeros(0) if words is None else np.asarray(words.sum(axis=1), np.float64).reshape(-1)

    def score(rows: Ints, columns: slice) -> Vectors:
        both = shared(rows, columns).astype(np.float64)
        if words is None:
            return both.astype(np.float32)
        every = sizes[rows][:, None] + sizes[queries:][columns][None, :] - both
        return (both / np.maximum(1, every)).astype(np.float32)

    return score
