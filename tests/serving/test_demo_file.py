"""A file of one's own on the demo's page: what is read of it, how it is encoded while others ask, and what is found."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_inputs import JSON, Stub, post, ready, send, served, upload
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from terna.errors import DataError, ModelError
from terna.serving.demo import files, held
from terna.serving.demo.answers import TOP
from terna.serving.demo.asked import FILE_BODY
from terna.serving.demo.refused import Refused
from terna.serving.demo.server import Server
from terna.systems import load_system

ENGLISH = {"Accept-Language": "en"}
TWO = (["Llueve.", "Hace sol."], [1, 2])


@pytest.mark.parametrize(
    ("name", "text", "sentences", "lines"),
    [
        ("a.txt", "Llueve.\r\n\r\n  \nHace sol.\n", ["Llueve.", "Hace sol."], [1, 4]),
        ("a", "text,otra\nHola.", ["text,otra", "Hola."], [1, 2]),
        ("a.txt", "cafe\u0301", ["caf\u00e9"], [1]),
        ("a.csv", "Llueve.\nHace sol.\n", *TWO),
        ("a.csv", 'id,Texto\n1,"Llueve, y\nmucho."\n2,Hace sol.\n3,\n', ["Llueve, y\nmucho.", "Hace sol."], [3, 4]),
        ("a.csv", "id;frase\n1;Llueve, hoy.\n", ["Llueve, hoy."], [2]),
        ("a.csv", '"id";"texto"\n"1";"Llueve; hoy."\n', ["Llueve; hoy."], [2]),
        ("a.CSV", "texto,text\nno,Sí.\n", ["Sí."], [2]),
        ("a.tsv", "n\tsentence\n1\tLlueve.\n", ["Llueve."], [2]),
        ("a.csv", '"Llueve, hoy."\n"Hace sol."\n', ["Llueve, hoy.", "Hace sol."], [1, 2]),
        ("a.jsonl", '"Llueve."\n\n{"n": 1, "frase": "Hace sol."}\n', ["Llueve.", "Hace sol."], [1, 3]),
        ("a.ndjson", '{"text": "Sí.", "frase": "no"}', ["Sí."], [1]),
    ],
)
def test_the_sentences_of_each_format_with_their_lines(
    name: str, text: str, sentences: list[str], lines: list[int]
) -> None:
    found = files.parsed(name, text)
    assert (found.name, found.sentences, found.lines) == (name, sentences, lines)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", " \n\n", "The file has no sentence"),
        ("a.csv", "", "The file has no sentence"),
        ("a.csv", "id,titulo\n1,Hola.\n", "the columns id, titulo: give the one with the sentences one of these names"),
        ("a.csv", "Hola.\nLlueve, hoy.\n", "the columns Hola.: give"),
        ("a.csv", 'text\n"Hola."x\n', "Line 2: not CSV"),
        ("a.csv", "id,text\n1\n", "Line 2: the column with the sentences is missing"),
        ("a.jsonl", '"Hola."\n{"titulo": "x"}\n', "Line 2: neither a JSON string nor an object"),
        ("a.jsonl", '{"text": 3}\n', "Line 1: neither"),
        ("a.jsonl", "[" * 100_000, "Line 1: neither"),
        ("a.txt", "Hola.\n" + "a" * 1001, "Sentence 2 has 1001 characters"),
        ("a.txt", "Hola.\n" * (files.MOST + 1), f"There are {files.MOST + 1} sentences; {files.MOST} are allowed"),
    ],
)
def test_what_is_no_file_of_sentences_is_told_with_its_line(name: str, text: str, told: str) -> None:
    with pytest.raises(Refused) as caught:
        files.parsed(name, text)
    assert told in str(caught.value)


def test_a_file_of_the_command_line_is_read_or_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "frases.txt"
    path.write_bytes("\ufeffLlueve.\n".encode())
    assert files.read(path).sentences == ["Llueve."]
    large = b"a\n" * (files.BYTES // 2 + 1)
    wrong = {b"\xff\xfe\x00": "not UTF-8; convert it", b"\n": "has no sentence", large: f"{len(large)} bytes"}
    for content, told in wrong.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"--corpus {path}: .*{told}"):
            files.read(path)
    for other in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=f"--corpus {other}: .*; give a file of text, CSV or JSON lines"):
            files.read(other)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(Stub(lambda text: [1.0, float(len(text))])) as server:
        yield server


def test_the_nearest_are_those_of_sentence_transformers_and_of_scikit_learn(encoder_folder: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["tren", "pan", "lluvia", "norte", "llega", "sale", "sopa", "viento", "retraso", "hora", "masa", "calle"]
    sentences = [" ".join(rng.choice(words, 4)) + f" {n}." for n in range(200)]
    query = "El tren llega con retraso."
    with served(load_system(str(encoder_folder))) as server:
        key = upload(server, "frases.csv", "frase\n" + "\n".join(sentences))
        found = post(server, "/api/neighbours", {"id": key, "query": query}).found
    oracle = SentenceTransformer(str(encoder_folder), device="cpu")
    model = cosine_similarity(oracle.encode([query]).astype(float), oracle.encode(sentences).astype(float))[0]
    weights = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit(sentences)
    letters = cosine_similarity(weights.transform([query]), weights.transform(sentences))[0]
    for rows, scores in ((found["ranked"], model), (found["lexical"], letters)):
        assert len(rows) == TOP
        assert [row["score"] for row in rows] == pytest.approx(sorted(scores, reverse=True)[:TOP], abs=2e-5)
        for row in rows:
            place = row["line"] - 2  # below the header
            assert (row["sentence"], row["score"]) == (sentences[place], pytest.approx(scores[place], abs=2e-5))


def test_the_prompts_of_queries_and_documents_are_put_before_them() -> None:
    seen: list[str] = []
    system = Stub(lambda text: [1.0, float(not seen.append(text))])
    system.usage = system.usage.__class__(prompts={"query": "q: ", "document": "d: "})
    with served(system) as server:
        key = upload(server, "a.txt", "Llueve.\nHace sol.")
        post(server, "/api/neighbours", {"id": key, "query": "Nieva."})
    assert seen[-3:] == ["d: Llueve.", "d: Hace sol.", "q: Nieva."]


def test_a_file_is_encoded_in_blocks_between_which_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "BLOCK", 2)
    entered, go = threading.Semaphore(0), threading.Semaphore(0)

    def vector(text: str) -> list[float]:
        if text.startswith("archivo"):
            entered.release()
            assert go.acquire(timeout=30)
        return [1.0, float(len(text))]

    with served(Stub(vector)) as server:
        text = "\n".join(f"archivo {n}" for n in range(6))
        key = post(server, "/api/file", {"name": "a.txt", "text": text}).found["id"]
        assert entered.acquire(timeout=30)
        told: list[int] = []
        asked = {"first": "Hola.", "second": "Adiós."}
        other = threading.Thread(target=lambda: told.append(post(server, "/api/similarity", asked).status))
        other.start()
        early = post(server, "/api/neighbours", {"id": key, "query": "Hola."}, **ENGLISH)
        assert early.status == 409
        assert early.found["error"].startswith("The file is being computed: 0 of 6 sentences.")
        for _ in range(2):
            go.release()
        other.join(30)
        assert told == [200], "answered after a block, not after the file"
        assert post(server, "/api/state", {"id": key}).found["done"] == 2
        for _ in range(4):
            go.release()
        ready(server, key)
        assert len(post(server, "/api/neighbours", {"id": key, "query": "Hola."}).found["ranked"]) == 6


def test_the_file_that_was_asked_about_longest_ago_makes_room_and_keys_cannot_be_guessed(server: Server) -> None:
    keys = [upload(server, f"{n}.txt", "Hola.") for n in range(held.FILES)]
    assert post(server, "/api/neighbours", {"id": keys[0], "query": "Hola."}).status == 200
    keys.append(upload(server, "una más.txt", "Hola."))
    statuses = [post(server, "/api/state", {"id": key}).status for key in keys]
    assert statuses == [200, 410, *[200] * (held.FILES - 1)]
    gone = post(server, "/api/neighbours", {"id": keys[1], "query": "Hola."}, **ENGLISH)
    assert (gone.status, gone.found["error"]) == (410, "That file is no longer in memory; choose it again.")
    assert min(map(len, keys)) >= 20
    assert len(set(keys)) == len(keys)
    assert post(server, "/api/state", {"id": "own"}).status == 410


def test_a_file_of_any_allowed_size_arrives_and_a_larger_one_is_refused(server: Server) -> None:
    line = '"' * 998 + "\n"  # what takes most room in JSON
    most = line * (files.BYTES // len(line))
    assert post(server, "/api/file", {"name": "a.txt", "text": most}).status == 200
    more = post(server, "/api/file", {"name": "a.txt", "text": "a\n" * (files.BYTES // 2 + 1)}, **ENGLISH)
    assert (more.status, f"{files.BYTES} are allowed" in more.found["error"]) == (422, True)
    assert send(server, "POST", "/api/file", b" " * (FILE_BODY + 1), JSON).status == 413
    for asked in ({"name": "a.txt"}, {"name": "a.txt", "text": 3}, {"name": "", "text": "Hola."}, {"id": 3}):
        assert post(server, "/api/file", asked).status == 422


def test_a_model_that_fails_on_a_file_is_told_to_who_waits(capfd: pytest.CaptureFixture[str]) -> None:
    def vector(text: str) -> list[float]:
        if text == "malo":
            raise ModelError("models/x: spoilt; train it again")
        return [1.0, 2.0]

    with served(Stub(vector)) as server:
        key = post(server, "/api/file", {"name": "a.txt", "text": "malo"}).found["id"]
        with pytest.raises(AssertionError, match="models/x: spoilt"):
            ready(server, key)
        assert "models/x: spoilt" in capfd.readouterr().err
        assert ready(server, upload(server, "b.txt", "bueno"))


def test_at_the_end_a_file_is_left_unfinished() -> None:
    with served(Stub(lambda text: [1.0, float(len(text))])) as server:
        server.answers.end()
        server.answers._one.release()
        before = set(threading.enumerate())
        key = post(server, "/api/file", {"name": "a.txt", "text": "Hola.\n" * 1000}).found["id"]
        for thread in set(threading.enumerate()) - before:
            thread.join(30)
        assert post(server, "/api/state", {"id": key}).found["done"] == 0


def test_the_file_of_the_command_line_is_everybodys_and_never_makes_room() -> None:
    with served(Stub(lambda text: [1.0, float(len(text))])) as server:
        assert send(server, "GET", "/api/example").found["file"] is None
        server.answers.serve(files.parsed("frases.txt", "Llueve.\nHace sol."))
        found = send(server, "GET", "/api/example").found["file"]
        assert (found["name"], found["count"]) == ("frases.txt", 2)
        for n in range(held.FILES + 1):
            upload(server, f"{n}.txt", "Hola.")
        ready(server, found["id"])
        assert post(server, "/api/neighbours", {"id": found["id"], "query": "Llueve."}).status == 200


def test_nothing_of_a_file_is_written(server: Server) -> None:
    opened: list[Any] = []
    listening = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # hooks of the interpreter cannot be taken away again
        if listening and event == "open" and set(str(arguments[1])) & set("wax+"):
            opened.append(arguments)

    sys.addaudithook(hook)
    post(server, "/api/neighbours", {"id": upload(server, "a.txt", "Un secreto."), "query": "Hola."})
    listening.clear()
    assert opened == []
