"""`python -m terna demo` as a process: its address, its end, and what keeps it from starting."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from terna.serving.cli import main


@contextmanager
def started(encoder_folder: Path, *more: str) -> Iterator[tuple[Any, str]]:
    """The command and the address that it tells; killed where a test leaves it running."""
    words = [sys.executable, "-m", "terna", "demo", "--model", str(encoder_folder), "--port", "0", *more]
    # what runs in the background starts with Ctrl-C ignored
    restored: Any = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=restored
    ) as process:
        try:
            line = process.stderr.readline()
            match = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)  \(Ctrl-C ends it\)\n", line)
            assert match, line + process.stderr.read()
            yield process, match[1]
        finally:
            process.kill()


def fetch(url: str, asked: dict[str, Any] | None = None) -> Any:
    body = None if asked is None else json.dumps(asked).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


def test_it_tells_its_address_answers_in_silence_and_ends_at_ctrl_c(encoder_folder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "frases.csv"
    corpus.write_text("n;texto\n1;Adiós.\n2;Hola.\n", encoding="utf-8")
    with started(encoder_folder, "--corpus", str(corpus)) as (process, address):
        ranked = fetch(f"{address}api/search", {"query": "Hola.", "sentences": ["Adiós.", "Hola."]})["ranked"]
        assert ranked[0]["sentence"] == "Hola."
        found = fetch(f"{address}api/example")["file"]
        assert (found["name"], found["count"]) == ("frases.csv", 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [(signal.SIGINT, 0, ""), (signal.SIGTERM, 143, "stopped by SIGTERM; no file is half written\n")],
)
def test_it_ends_at_a_signal_in_the_midst_of_an_answer(
    encoder_folder: Path, sent: signal.Signals, status: int, told: str
) -> None:
    with started(encoder_folder) as (process, address):
        port = int(address.rstrip("/").rsplit(":", 1)[1])
        body = json.dumps({"query": "Hola.", "sentences": [f"{n} " + "palabra " * 100 for n in range(1000)]}).encode()
        head = f"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        with ExitStack() as lines:
            for _ in range(8):  # one is computed, the others wait for it
                line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
                line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            fetch(f"{address}api/example")  # taken in after them, and waits for none
            process.send_signal(sent)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (status, "", told)


def test_a_port_in_use_is_told_before_the_encoder_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--model", "no/such/model", "--port", str(port)]) == 1
    told = capsys.readouterr().err
    assert told == f"AddressError: --port {port}: Address already in use on 127.0.0.1; give another, or 0 for any\n"


def test_a_corpus_that_is_none_is_told_before_the_encoder_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "frases.jsonl"
    corpus.write_text("[1]\n")
    assert main(["demo", "--model", "no/such/model", "--port", "0", "--corpus", str(corpus)]) == 1
    told = capsys.readouterr().err
    assert told == (
        f"DataError: --corpus {corpus}: Line 1: neither a JSON string nor an object with a string in one of these "
        "keys: text, sentence, texto, frase.\n"
    )


@pytest.mark.parametrize(
    "site", ["owner-name.hf.space", "ftp://a.b", "https://", "https://a.b/page", "https://a.b?x=1"]
)
def test_an_address_without_scheme_and_host_alone_is_refused(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--site={site}"])
    assert f"{site}: http:// or https:// and a host are needed, without a path" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"--port={port}"])
    assert "--port" in capsys.readouterr().err


def test_a_missing_encoder_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--port", "0"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("ModelError: models/encoder: not there; give a folder")
    assert told.endswith("`make run` trains models/encoder\n")
    assert main(["demo", "--port", "0", "--model", "nowhere/at/all"]) == 1
    assert capsys.readouterr().err.startswith("ModelError: nowhere/at/all: not there; give a folder")
