"""What the demo refuses: questions that do not fit, requests that are none, and whoever asks from elsewhere."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
from demo_inputs import JSON, Answer, Stub, post, send, served

from terna.errors import ModelError
from terna.evaluation.table import BASELINES
from terna.evaluation.verdict import Outcome
from terna.metrics.similarity import SIMILARITIES
from terna.serving.demo.asked import BODY, GROUPS, SENTENCES
from terna.serving.demo.refused import PAGE, language_of, words
from terna.serving.demo.sentences import CHARACTERS
from terna.serving.demo.server import COMPUTED, FILES, Handler, Server
from terna.settings.schema import CHOSEN_ON_TEST

LIST = ["El tren llega tarde.", "Hola.", "¿Qué tal estás hoy?", "El tren viene con retraso.", "Hola."]
LONG = "a" * (CHARACTERS + 1)
PAIR = {"first": "Hola.", "second": "Adiós."}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # vectors of another direction for each length
    with served(Stub(lambda text: [1.0, len(text), len(text) ** 2])) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "asked", "told"),
    [
        ("similarity", {"first": "Hola."}, "missing or blank: second"),
        ("similarity", {"first": "Hola.", "second": " \n"}, "missing or blank: second"),
        ("similarity", {"first": 3, "second": "Hola."}, "missing or blank: first"),
        ("similarity", {"first": LONG, "second": "Hola."}, f"Sentence first has {CHARACTERS + 1} characters"),
        ("similarity", {"first": "\ud83d", "second": "Hola."}, "Sentence first holds half a character"),
        ("similarity", PAIR | {"third": "x"}, "“third” is not known; the fields are first, second"),
        ("search", {"query": "Hola.", "sentences": []}, "There are no sentences"),
        ("search", {"query": "Hola.", "sentences": "Hola."}, "There are no sentences"),
        ("search", {"query": "Hola.", "sentences": ["a"] * (SENTENCES + 1)}, f"There are {SENTENCES + 1} sentences"),
        ("search", {"query": "Hola.", "sentences": ["a", ""]}, "missing or blank: 2"),
        ("search", {"query": "Hola.", "sentences": ["a", LONG]}, f"Sentence 2 has {CHARACTERS + 1} characters"),
        ("search", {"query": "Hola.", "sentences": ["a"], "measure": "jaccard"}, "the measures are cosine, euclid"),
        ("search", {"query": "Hola.", "sentences": ["a"], "measure": ["dot"]}, "the measures are cosine, euclid"),
        ("groups", {"sentences": LIST, "k": 0}, f"a whole number from 1 to {GROUPS}"),
        ("groups", {"sentences": LIST, "k": GROUPS + 1}, f"a whole number from 1 to {GROUPS}"),
        ("groups", {"sentences": LIST, "k": True}, f"a whole number from 1 to {GROUPS}"),
        ("groups", {"sentences": LIST, "k": 2.0}, f"a whole number from 1 to {GROUPS}"),
        ("groups", {"sentences": LIST, "k": 5}, "5 groups are asked for, but only 4 sentences differ"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(server: Server, path: str, asked: object, told: str) -> None:
    answer = post(server, f"/api/{path}", asked, **{"Accept-Language": "en"})
    assert answer.status == 422
    assert told in answer.found["error"]


def test_what_just_fits_is_answered(server: Server) -> None:
    asked = {"query": "a" * CHARACTERS, "sentences": ["Hola."] * SENTENCES}
    assert len(post(server, "/api/search", asked).found["ranked"]) == SENTENCES


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"k": ' + b"9" * 5000 + b"}",
        json.dumps(PAIR).encode("utf-16"),
    ],
    ids=["empty", "torn", "list", "text", "bytes", "nested", "digits", "utf-16"],
)
def test_a_body_that_is_no_json_object_is_malformed(server: Server, body: bytes) -> None:
    answer = send(server, "POST", "/api/similarity", body, JSON)
    assert (answer.status, answer.found) == (400, {"error": words()["error_json"]["es"]})


@pytest.mark.parametrize("size", [BODY + 1, 4 * BODY])
def test_a_body_that_is_too_large_is_refused_unread_and_told_even_so(server: Server, size: int) -> None:
    answer = send(server, "POST", "/api/similarity", b" " * size, JSON)
    assert answer.status == 413
    assert str(size) in answer.found["error"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /api/similarity HTTP/1.1\r\nContent-Type: application/json\r\nHost: {host}\r\n\r\n", 411),
        (
            "POST /api/similarity HTTP/1.1\r\nContent-Type: application/json\r\nHost: {host}\r\n"
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            411,
        ),
        ("POST /api/similarity HTTP/1.1\r\nHost: {host}\r\nContent-Length: -5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n", 421),
        ("no request at all HTTP/1.1\r\n\r\n", 400),
        ("BREW / HTTP/1.1\r\nHost: {host}\r\n\r\n", 501),
        ("GET /" + "a" * 70_000 + " HTTP/1.1\r\n", 414),
    ],
)
def test_a_request_that_is_none_gets_a_status_and_words(server: Server, head: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as line:
        line.sendall(head.format(host=server.hosts[0]).encode())
        line.shutdown(socket.SHUT_WR)
        told = b"".join(iter(lambda: line.recv(4096), b""))
    top, _, body = told.partition(b"\r\n\r\n")
    assert f" {status} " in top.decode().splitlines()[0]
    assert json.loads(body)["error"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/api/example"), ("POST", "/api/similarity")])
def test_another_name_for_this_machine_reaches_nothing(server: Server, method: str, path: str, host: str) -> None:
    named = {"Host": host.format(port=server.server_port)}
    answer = send(server, method, path, json.dumps(PAIR).encode() if method == "POST" else None, JSON | named)
    assert answer.status == 421
    assert list(answer.found) == ["error"]


def test_localhost_is_this_machine(server: Server) -> None:
    assert send(server, "GET", "/", headers={"Host": f"localhost:{server.server_port}"}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_another_sites_form_makes_nothing_work(server: Server, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert send(server, "POST", "/api/similarity", json.dumps(PAIR).encode(), headers).status == 415


def test_another_sites_script_makes_nothing_work(server: Server) -> None:
    for origin in ("https://evil.example", "null", f"https://{server.hosts[0]}"):
        assert post(server, "/api/similarity", PAIR, Origin=origin).status == 403
    assert post(server, "/api/similarity", PAIR, Origin=f"http://{server.hosts[0]}").status == 200


def test_the_wrong_method_and_the_wrong_path_are_told(server: Server) -> None:
    wrong = [send(server, "GET", path) for path in COMPUTED] + [
        post(server, path, {}) for path in [*FILES, "/api/example"]
    ]
    assert {answer.status for answer in wrong} == {405}
    assert [answer.headers["Allow"] for answer in wrong] == ["POST"] * len(COMPUTED) + ["GET"] * (len(FILES) + 1)
    for path in ("/nowhere", "/../server.py", "/%2e%2e/server.py", "/page"):
        assert send(server, "GET", path).status == 404
    assert post(server, "/api/nowhere", PAIR).status == 404


def test_every_file_of_the_page_is_served_and_nothing_may_come_from_elsewhere(server: Server) -> None:
    assert sorted(name for name, _ in FILES.values()) == sorted(path.name for path in PAGE.iterdir())
    for path, (name, _) in FILES.items():
        answer, head = send(server, "GET", path), send(server, "HEAD", path)
        assert (answer.status, answer.body) == (200, (PAGE / name).read_bytes())
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(answer.body)))
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "terna"
        # the name of SVG's language is no address that is fetched
        assert not re.findall(r"https?://", answer.body.decode().replace("http://www.w3.org/2000/svg", ""))


def test_the_server_listens_on_loopback_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def refusal(server: Server, language: str) -> Answer:
    return post(server, "/api/groups", {"sentences": []}, **{"Accept-Language": language})


def test_a_refusal_is_told_in_the_readers_language(server: Server) -> None:
    assert refusal(server, "es").found["error"].startswith("No hay frases")
    assert refusal(server, "en-GB,en;q=0.8,es;q=0.5").found["error"].startswith("There are no sentences")
    spoken = {"": "es", "fr": "es", "fr, EN;q=0.3": "en", "es-MX,en": "es", "*": "es"}
    assert {accepted: language_of(accepted) for accepted in spoken} == spoken


def test_every_word_is_there_in_both_languages_with_the_same_gaps_and_is_used() -> None:
    sources = [*PAGE.glob("*.html"), *PAGE.glob("*.js"), *PAGE.parent.glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r'(?:say\(|data-word=|data-label=)"(\w+)"', code))
    named |= set(re.findall(r'"(error_\w+)"', code)) | {f"error_{name}" for name in re.findall(r'unfit\("(\w+)"', code)}
    chosen = re.findall(r'say\([\w.]+ \? "(\w+)" : "(\w+)"|beside\(found, "(\w+)"|key: "(\w+)"|"(by_\w+)"', code)
    named |= {word for found in chosen for word in found if word}
    uses = ("test", "development", "chosen on", CHOSEN_ON_TEST)
    named |= {f"use_{re.sub(r'[^a-z]+', '_', use)}" for use in uses} | {f"baseline_{key}" for key in BASELINES}
    named |= {f"outcome_{one.name.lower()}" for one in Outcome}
    assert named | set(SIMILARITIES) == set(words())
    for key, told in words().items():
        assert set(told) == {"es", "en"}, key
        gaps = [sorted(re.findall(r"\{(\w+)\}", told[language])) for language in ("es", "en")]
        assert gaps[0] == gaps[1], key


def test_the_page_itself_says_nothing_that_is_not_among_the_words() -> None:
    page = re.sub(r"<noscript>.*?</noscript>|<title.*?</title>", "", (PAGE / "page.html").read_text(encoding="utf-8"))
    assert re.findall(r">\s*([^<>\s][^<>]*)<", page) == ["Español", "English"]
    assert not re.findall(r'(?:title|placeholder|aria-label|alt)="', page)


@pytest.fixture(scope="module")
def public() -> Iterator[Server]:
    """Behind a proxy, as a Space is."""
    with served(Stub(lambda text: [1.0, len(text)]), site="https://owner-name.hf.space") as server:
        yield server


def test_behind_a_proxy_any_name_is_answered_and_its_own_page_alone_may_ask(public: Server) -> None:
    for host in ("owner-name.hf.space", "10.0.0.1:7860", "localhost"):
        assert send(public, "GET", "/", headers={"Host": host}).status == 200
    asking = {"Host": "owner-name.hf.space"}
    assert post(public, "/api/similarity", PAIR, Origin="https://owner-name.hf.space", **asking).status == 200
    for origin in ("https://evil.example", "https://huggingface.co", "null"):
        assert post(public, "/api/similarity", PAIR, Origin=origin, **asking).status == 403


def test_behind_a_proxy_the_hub_may_frame_the_page_and_it_says_that_texts_leave_the_browser(
    public: Server, server: Server
) -> None:
    framed = {
        one: send(one, "GET", "/").headers["Content-Security-Policy"].rsplit(" ", 1)[1] for one in (public, server)
    }
    assert framed == {public: "https://huggingface.co", server: "'none'"}
    assert [send(one, "GET", "/api/example").found["local"] for one in (public, server)] == [False, True]
    assert public.server_address[0] == "0.0.0.0"


def test_a_model_that_fails_is_told_and_the_page_lives_on(capfd: pytest.CaptureFixture[str]) -> None:
    def vector(text: str) -> list[float]:
        if text == "malo":
            raise ModelError("models/x: spoilt; train it again")
        return [1.0, float("nan") if text == "nan" else 2.0]

    with served(Stub(vector)) as server:
        for text, told in (("malo", "models/x: spoilt"), ("nan", "vectors with values that are not numbers")):
            answer = post(server, "/api/similarity", {"first": "a", "second": text})
            assert answer.status == 500
            assert told in answer.found["error"]
            assert told in capfd.readouterr().err
        assert post(server, "/api/similarity", PAIR).status == 200


def test_a_reader_that_goes_away_is_no_error(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        line = socket.create_connection(("127.0.0.1", server.server_port))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset, not an end
        line.sendall(b"POST /api/similarity HTTP/1.1\r\nContent-Le")
        line.close()
    assert post(server, "/api/similarity", PAIR).status == 200
    assert capfd.readouterr().err == ""


def test_a_client_that_is_silent_is_no_error(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.2)
    head = f"POST /api/similarity HTTP/1.1\r\nHost: {server.hosts[0]}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as line:
        line.sendall(f"{head}Content-Length: 9\r\n\r\n{{".encode())
        assert line.recv(9) == b""
    assert post(server, "/api/similarity", PAIR).status == 200
    assert capfd.readouterr().err == ""


def test_two_forms_of_a_character_are_one_sentence() -> None:
    texts: list[str] = []
    with served(Stub(lambda text: [float(not texts.append(text)), 2.0])) as server:
        asked = {"first": "caf\u00e9", "second": "cafe\u0301"}
        assert post(server, "/api/similarity", asked).found["cosine"] == pytest.approx(1)
    assert texts[-2:] == ["caf\u00e9", "caf\u00e9"]
