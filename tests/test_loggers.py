"""Weights & Biases: online or offline is decided before its first call, and never stops a run."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger

from terna import loggers
from terna.settings import Logger

KEY = "a" * 40


class Service(BaseHTTPRequestHandler):
    """Stands in for W&B's service: it knows one key, and answers as slowly as it is told."""

    delay = 0.0

    def do_POST(self) -> None:
        time.sleep(self.delay)
        user, _, key = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
        viewer = {"id": "1"} if (user, key) == ("api", KEY) else None
        body = json.dumps({"data": {"viewer": viewer}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    """The address of such a service on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def test_online_takes_a_key_and_a_service_that_answers(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", service)
    assert not loggers.is_online()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert loggers.is_online()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not loggers.is_online()


def test_a_key_in_netrc_counts(monkeypatch: pytest.MonkeyPatch, service: str, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", service)
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login user password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert loggers.is_online()


def test_a_key_that_the_service_does_not_know_means_offline(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", service)
    monkeypatch.setenv("WANDB_API_KEY", "b" * 40)
    assert not loggers.is_online()


def test_a_service_that_hangs_means_offline_after_our_patience(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", service)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(Service, "delay", 1.0)
    monkeypatch.setattr(loggers, "PATIENCE", 0.1)
    assert not loggers.is_online()


def test_a_service_that_refuses_means_offline(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    assert not loggers.is_online()


def test_csv_is_always_there_and_starts_anew(tmp_path: Path) -> None:
    settings = Logger(wandb=False, project="terna", entity=None, group=None)
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").write_text("step,loss\n99,1\n")
    (logger,) = loggers.build(settings, tmp_path, name="run", config={})
    assert isinstance(logger, CSVLogger)
    logger.log_metrics({"loss": 0.5}, step=0)
    logger.save()
    assert (tmp_path / "csv" / "metrics.csv").read_text() == "loss,step\n0.5,0\n"


def test_an_offline_run_is_written_beside_the_csv_without_a_call(tmp_path: Path) -> None:
    settings = Logger(wandb=True, project="terna", entity=None, group="seeds")
    _, wandb = loggers.build(settings, tmp_path, name="run", config={"train": {"lr": 0.1}})
    wandb.log_metrics({"loss": 0.5}, step=0)
    wandb.experiment.finish()
    assert [path.name for path in (tmp_path / "wandb").glob("offline-run-*")]
