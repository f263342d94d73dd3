"""The demo's answers against scipy's over sentence-transformers' vectors, one at a time."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_inputs import Stub, post, send, served
from scipy.spatial import distance
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from terna.release.card.front import WIDGET
from terna.serving.demo import answers
from terna.serving.demo.examples import DECOYS, PARAPHRASES, QUERY
from terna.serving.demo.examples import LIST as LIST_OF_EXAMPLES
from terna.serving.demo.lexical import Lexical
from terna.serving.demo.server import Server
from terna.systems import load_system

LIST = ["El tren llega tarde.", "Hola.", "¿Qué tal estás hoy?", "El tren viene con retraso.", "Hola."]
ORACLES: dict[str, Callable[[Any, Any], float]] = {
    "cosine": lambda a, b: 1 - distance.cosine(a, b),
    "euclidean": lambda a, b: -distance.euclidean(a, b),
    "manhattan": lambda a, b: -distance.cityblock(a, b),
    "dot": lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)),
}
PAIR = {"first": "Hola.", "second": "Adiós."}


@pytest.fixture(scope="module")
def server(encoder_folder: Path) -> Iterator[Server]:
    with served(load_system(str(encoder_folder))) as server:
        yield server


@pytest.fixture(scope="module")
def vectors(encoder_folder: Path) -> Callable[[list[str]], Any]:
    oracle = SentenceTransformer(str(encoder_folder), device="cpu")
    return lambda texts: oracle.encode(texts).astype(np.float64)


def test_the_cards_sentences_come_first_already_compared(server: Server, vectors: Callable[[list[str]], Any]) -> None:
    found = send(server, "GET", "/api/example").found
    assert tuple(found["sentences"]) == WIDGET
    first, *others = vectors(list(WIDGET))
    for name, oracle in ORACLES.items():
        assert found["scores"][name] == pytest.approx([oracle(first, other) for other in others], abs=2e-5)
    assert found["model"] == "un/modelo"


def test_two_sentences_have_the_four_similarities(server: Server, vectors: Callable[[list[str]], Any]) -> None:
    found = post(server, "/api/similarity", {"first": LIST[0], "second": LIST[3]}).found
    first, second = vectors([LIST[0], LIST[3]])
    assert list(found) == list(ORACLES)
    assert found == pytest.approx({name: oracle(first, second) for name, oracle in ORACLES.items()}, abs=2e-5)


@pytest.mark.parametrize("measure", ORACLES)
def test_a_list_is_ranked_by_the_measure_and_equals_keep_their_order(
    server: Server, vectors: Callable[[list[str]], Any], measure: str
) -> None:
    asked = {"query": "El tren se retrasa.", "sentences": LIST, "measure": measure}
    ranked = post(server, "/api/search", asked).found["ranked"]
    query, *rows = vectors(["El tren se retrasa.", *LIST])
    scores = [ORACLES[measure](query, row) for row in rows]
    places = [row["line"] - 1 for row in ranked]
    assert sorted(places) == [0, 1, 2, 3, 4]
    assert places.index(1) + 1 == places.index(4)
    assert [row["score"] for row in ranked] == sorted((row["score"] for row in ranked), reverse=True)
    for row in ranked:
        assert row["sentence"] == LIST[row["line"] - 1]
        assert row["score"] == pytest.approx(scores[row["line"] - 1], abs=2e-5)


def test_beside_the_models_ranking_is_that_of_shared_letters_and_each_row_has_its_rank_in_the_other(
    server: Server, vectors: Callable[[list[str]], Any]
) -> None:
    query = "El tren se retrasa."
    found = post(server, "/api/search", {"query": query, "sentences": LIST}).found
    weights = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit(LIST)
    letters = cosine_similarity(weights.transform([query]), weights.transform(LIST))[0]
    own, *rows = vectors([query, *LIST])
    model = np.array([ORACLES["cosine"](own, row) for row in rows])
    order = np.argsort(-letters, kind="stable")
    assert [row["line"] - 1 for row in found["lexical"]] == [row for row in order if letters[row] > 0]
    assert 0 < len(found["lexical"]) < len(LIST), "a sentence has no n-gram in common"
    for row in found["lexical"]:
        assert row["score"] == pytest.approx(letters[row["line"] - 1])
        assert row["other"] == 1 + (model > model[row["line"] - 1] + 1e-9).sum()
    for row in found["ranked"]:
        score = letters[row["line"] - 1]
        assert row["other"] == (1 + (letters > score).sum() if score > 0 else None)


def test_the_examples_decoys_share_the_querys_letters_and_its_paraphrases_do_not() -> None:
    scores = dict(zip(LIST_OF_EXAMPLES, Lexical(LIST_OF_EXAMPLES).scores(QUERY), strict=True))
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    assert set(ranked[:2]) == set(DECOYS)
    words = set(re.findall(r"\w{3,}", QUERY.lower()))
    assert not words & set(re.findall(r"\w{3,}", " ".join(PARAPHRASES).lower()))
    assert {*DECOYS, *PARAPHRASES} < set(LIST_OF_EXAMPLES)


def test_groups_of_a_real_encoder_are_the_same_twice_and_hold_equal_sentences_together(server: Server) -> None:
    one, two = (post(server, "/api/groups", {"sentences": LIST, "k": 3}).found for _ in range(2))
    assert one == two
    assert one["groups"][1] == one["groups"][4]
    assert sorted(set(one["groups"])) == [0, 1, 2]
    assert len(one["points"]) == 5


def test_threads_take_turns_at_the_encoder() -> None:
    inside: list[int] = []
    most: list[int] = []

    def vector(text: str) -> list[float]:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)  # another thread would come in here
        inside.pop()
        return [1.0, float(len(text))]

    with served(Stub(vector)) as server:
        threads = [threading.Thread(target=post, args=(server, "/api/similarity", PAIR)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(most) == len(WIDGET) + 2 * len(threads)
    assert max(most) == 1


class Held:
    """A page whose encoder holds the pair, once it has begun, until it is let go; `told`: with which status."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.told: list[int] = []

    def vector(self, text: str) -> list[float]:
        if text == PAIR["first"]:
            self.begun.set()
            assert self.go.wait(30)
        return [1.0, 2.0]

    def ask(self, server: Server) -> threading.Thread:
        """Ask for the pair, on a thread."""
        thread = threading.Thread(target=lambda: self.told.append(post(server, "/api/similarity", PAIR).status))
        thread.start()
        return thread


def test_at_the_end_who_is_at_work_is_answered_and_who_waits_is_refused() -> None:
    held = Held()
    with served(Stub(held.vector)) as server:
        threads = [held.ask(server)]
        assert held.begun.wait(30)
        threads.append(threading.Thread(target=server.answers.end))
        threads[1].start()
        while not server.answers._over:
            time.sleep(0.001)
        held.go.set()
        for thread in threads:
            thread.join()
        assert held.told == [200]
        server.answers._one.release()
        assert post(server, "/api/similarity", PAIR).status == 503


def test_more_than_may_wait_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WAITING", 2)
    held = Held()
    with served(Stub(held.vector)) as server:
        threads = [held.ask(server) for _ in range(2)]
        assert held.begun.wait(30)
        while server.answers._room._value:
            time.sleep(0.001)
        assert post(server, "/api/similarity", PAIR).status == 503
        held.go.set()
        for thread in threads:
            thread.join()
        assert held.told == [200, 200]
        assert post(server, "/api/similarity", PAIR).status == 200
