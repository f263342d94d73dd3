"""The lexical baseline beside the model's ranking: TF-IDF over characters, as the benchmarks' baseline is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terna.arrays import Floats
from terna.evaluation.baselines import TFIDF


class Lexical:
    """Weights fitted on some sentences, which queries are compared with."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._vectorizer = TFIDF["tfidf_chars"]()
        self._rows: Any = self._vectorizer.fit_transform(sentences)

    def scores(self, query: str) -> Floats:
        """The cosine of the query's TF-IDF vector with each sentence's: (n,), in [0, 1]; 0: no n-gram in common."""
        products = self._rows @ self._vectorizer.transform([query]).T
        return np.asarray(products.toarray(), np.float64).reshape(-1)
