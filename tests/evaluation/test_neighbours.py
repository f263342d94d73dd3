"""The nearest sentences are those that scikit-learn's exact search finds, the same for the same seed."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

from terna.evaluation.baselines import tfidf_chars
from terna.evaluation.diagnosis import Neighbour, neighbours

WORDS = ["sol", "mar", "pan", "luz", "río", "tren", "casa", "perro", "noche", "viento", "puerta", "jardín"]
RNG = np.random.default_rng(4)
TEXTS = [f"{' '.join(RNG.choice(WORDS, 4))} {number}" for number in range(60)]
VECTORS = RNG.normal(0.5, 1, (60, 8)).astype(np.float32)


def nearest(texts: list[str], rows: np.ndarray, metric: str, place: int) -> list[tuple[str, float]]:
    """The three nearest others of a row, and its distances from them."""
    search = NearestNeighbors(metric=metric, algorithm="brute").fit(np.delete(rows, place, axis=0))
    distances, found = search.kneighbors(rows[place : place + 1], 3)
    others = texts[:place] + texts[place + 1 :]
    return [(others[row], distance) for row, distance in zip(found[0], distances[0], strict=True)]


@pytest.mark.parametrize(
    ("measure", "metric", "sign"), [("cosine", "cosine", 1), ("euclidean", "l2", -1), ("manhattan", "l1", -1)]
)
def test_they_are_those_of_an_exact_search(measure: str, metric: str, sign: int) -> None:
    found = neighbours(TEXTS, VECTORS, tfidf_chars(TEXTS), measure, 1)
    lexical = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit_transform(TEXTS).toarray()
    assert len(found) == 5
    for one in found:
        place = TEXTS.index(one.sentence)
        distances = nearest(TEXTS, VECTORS.astype(float), metric, place)
        expected = [(text, 1 - far if sign == 1 else -far) for text, far in distances]
        assert [each.sentence for each in one.model] == [text for text, _ in expected]
        assert [each.similarity for each in one.model] == pytest.approx([near for _, near in expected], abs=1e-6)
        shared = nearest(TEXTS, lexical, "cosine", place)
        assert [each.sentence for each in one.baseline] == [text for text, _ in shared]
        assert [each.similarity for each in one.baseline] == pytest.approx([1 - far for _, far in shared], abs=1e-6)


def test_the_seed_draws_the_sentences_and_they_stand_in_their_order() -> None:
    drawn = [[one.sentence for one in neighbours(TEXTS, VECTORS, None, "cosine", seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    places = [TEXTS.index(text) for text in drawn[0]]
    assert places == sorted(set(places))


def test_equal_sentences_count_once_and_none_is_its_own_neighbour() -> None:
    texts = ["Hola.", "Adiós.", " HOLA. ", "hola."]
    found = neighbours(texts, np.eye(4)[[0, 1, 0, 0]], tfidf_chars(texts), "cosine", 1)
    assert [(one.sentence, one.model, one.baseline) for one in found] == [
        ("Hola.", [Neighbour("Adiós.", 0.0)], []),
        ("Adiós.", [Neighbour("Hola.", 0.0)], []),
    ]


def test_ties_stand_in_the_order_of_the_files_and_one_sentence_has_no_neighbour() -> None:
    texts = ["a", "b", "c", "d", "e"]
    for one in neighbours(texts, np.ones((5, 2)), None, "dot", 1):
        assert [each.sentence for each in one.model] == [text for text in texts if text != one.sentence][:3]
        assert one.baseline == []
    assert neighbours(["uno", "Uno"], np.ones((2, 2)), None, "cosine", 1) == []
