"""The program of docs/serving.md says whether a server gives this encoder's vectors; infinity, where it is, does."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documented import programs

from terna.encoder import Encoder

# the command infinity_emb of an environment that has it
INFINITY = os.environ.get("TERNA_INFINITY")


@pytest.fixture
def compare(root: Path, encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page's program, to be called with a server's address, where models/encoder is a small encoder."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "encoder").symlink_to(encoder_folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    [program] = programs((root / "docs" / "serving.md").read_text())

    def run(address: str) -> None:
        monkeypatch.setenv("SERVER", address)
        exec(compile(program, "docs/serving.md", "exec"), {})

    return run


@contextmanager
def serving(encoder: Encoder, before: str = "") -> Iterator[str]:
    """The address of a server of OpenAI's form: normalised vectors in any order, `before` put before each text."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert (self.path, asked["model"]) == ("/v1/embeddings", "terna")
            vectors = encoder.encode([before + text for text in asked["input"]], prompt="")
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = [{"object": "embedding", "index": n, "embedding": each.tolist()} for n, each in enumerate(vectors)]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"object": "list", "data": rows[::-1], "model": "terna"}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_same_vectors_pass_and_others_do_not(
    compare: Any, encoder_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = Encoder.load(encoder_folder)
    with serving(encoder) as address:
        compare(address)
    assert capsys.readouterr().out == "least cosine 1.000000\n"
    with serving(encoder, before="consulta: ") as address, pytest.raises(AssertionError, match="other vectors than"):
        compare(address)


@contextmanager
def infinity(folder: Path, log: Path) -> Iterator[str]:
    """The address of infinity as docs/serving.md starts it, on a free port, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(INFINITY), "v2", "--model-id", str(folder), "--served-model-name", "terna", "--engine", "torch"]
    words += ["--device", "cpu", "--dtype", "float32", "--no-bettertransformer", "--url-prefix", "/v1"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--no-model-warmup"]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env = {**own, "INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1"}
    with log.open("w") as told, subprocess.Popen(words, env=env, stdout=told, stderr=told) as process:
        try:
            until = time.monotonic() + 120
            while not _ready(f"http://127.0.0.1:{port}/v1/models"):
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _ready(address: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not INFINITY, reason="set TERNA_INFINITY to the command infinity_emb")
def test_infinity_gives_the_same_vectors(
    compare: Any, encoder_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for file in encoder_folder.rglob("*"):
        place = served / file.relative_to(encoder_folder)
        place.mkdir(parents=True) if file.is_dir() else place.write_bytes(file.read_bytes())
    tokenizer = served / "tokenizer_config.json"  # as the page tells for transformers 4
    tokenizer.write_text(tokenizer.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast"))
    with infinity(served, tmp_path / "log") as address:
        compare(address)
    assert capsys.readouterr().out == "least cosine 1.000000\n"
