"""A stand-in for the service of Weights & Biases on loopback, which answers, refuses, hangs, is slow or dies.

It speaks as much of the service's interface as `wandb` of the locked version asks for, and keeps what it is told.
"""

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "a" * 40
BEHAVIOURS = ("answers", "refuses", "hangs", "answers slowly", "dies", "hangs later")
HANG, SLOW = 120.0, 1.5


@dataclass
class Told:
    """What a run told the service."""

    fields: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False


class Service(ThreadingHTTPServer):
    """The stand-in; `behaviour` is one of BEHAVIOURS. told: by the run's id."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behaviour: str = "answers") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour = behaviour
        self.told: dict[str, Told] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def began(self) -> None:
        """A run has begun: from now on a service that dies or hangs later does."""
        if self.behaviour == "dies":
            self.behaviour = "dead"
            threading.Thread(target=self.die).start()
        elif self.behaviour == "hangs later":
            self.behaviour = "hangs"

    def handle_error(self, *_: object) -> None:
        """Say nothing of a connection that broke off."""

    def die(self) -> None:
        self.shutdown()
        self.server_close()


@contextmanager
def served(behaviour: str = "answers") -> Iterator[Service]:
    """A running stand-in; one that refuses has a port that nobody listens on."""
    service = Service(behaviour)
    if behaviour == "refuses":
        service.server_close()
        yield service
        return
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        if thread.is_alive():
            service.die()


class Handler(BaseHTTPRequestHandler):
    """A request."""

    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        self._delay()
        body = self._body()
        if self.path == "/graphql":
            self._query(json.loads(body))
        else:
            self._stream(self.path.split("/")[4], json.loads(body))

    def do_PUT(self) -> None:
        self._delay()
        _, _, run, name = self.path.split("/", 3)
        self._told(run).files[name] = self._body()
        self._answer({})

    def _delay(self) -> None:
        if self.server.behaviour in ("hangs", "answers slowly"):
            time.sleep(HANG if self.server.behaviour == "hangs" else SLOW)
        if self.server.behaviour == "dead":
            self.close_connection = True
            raise ConnectionAbortedError

    def _query(self, query: dict[str, Any]) -> None:
        found = re.search(r"(?:query|mutation)\s+(\w+)", query["query"])
        name, variables = found[1] if found else "", query.get("variables") or {}
        self.server.asked.append(name)
        user, _, key = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
        known = (user, key) == ("api", KEY)
        answer = getattr(self, f"_{name}", lambda _: {})(variables) if known else {}
        self._answer({"data": answer} if known else {"errors": [{"message": "unknown key"}]}, 200 if known else 401)
        if name == "UpsertBucket":
            self.server.began()

    def _stream(self, run: str, sent: dict[str, Any]) -> None:
        told = self._told(run)
        for name, piece in sent.get("files", {}).items():
            lines = [json.loads(line) for line in piece["content"]] if name.endswith((".jsonl", ".json")) else []
            if name == "wandb-history.jsonl":
                told.history[piece["offset"] :] = lines
            elif name == "wandb-summary.json":
                told.summary = lines[-1]
        told.complete = told.complete or bool(sent.get("complete"))
        self._answer({})

    def _told(self, run: str) -> Told:
        return self.server.told.setdefault(run, Told())

    def _Viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {"id": "VQ==", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}

    def _ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _RunResumeStatus(self, asked: dict[str, Any]) -> dict[str, Any]:
        bucket = None
        if told := self.server.told.get(asked["name"]):
            last = [json.dumps(row) for row in told.history[-1:]]
            bucket = {
                "id": "Ug==",
                "name": asked["name"],
                "displayName": told.fields.get("displayName"),
                "sweepName": None,
                "tags": told.fields.get("tags") or [],
                "config": json.dumps({key: {"value": value} for key, value in told.config.items()}),
                "summaryMetrics": json.dumps(told.summary),
                "historyLineCount": len(told.history),
                "historyTail": json.dumps(last),
                "eventsLineCount": 0,
                "eventsTail": "[]",
                "logLineCount": 0,
                "wandbConfig": json.dumps({"t": 1}),
            }
        return {"model": {"id": "UA==", "name": "terna", "entity": {"id": "RQ==", "name": "me"}, "bucket": bucket}}

    def _UpsertBucket(self, sent: dict[str, Any]) -> dict[str, Any]:
        new = sent["name"] not in self.server.told
        told = self._told(sent["name"])
        told.fields |= {key: value for key, value in sent.items() if value is not None}
        told.config |= {key: one["value"] for key, one in json.loads(sent.get("config") or "{}").items()}
        project = {"id": "UA==", "name": sent["project"], "entity": {"id": "RQ==", "name": "me"}}
        shown = told.fields.get("displayName") or sent["name"]
        bucket = {"id": "Ug==", "name": sent["name"], "displayName": shown, "project": project, "config": "{}"}
        return {"upsertBucket": {"bucket": bucket | {"historyLineCount": len(told.history)}, "inserted": new}}

    def _CreateRunFiles(self, asked: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": n, "uploadUrl": f"{self.server.address}/up/{asked['run']}/{n}"} for n in asked["files"]]
        return {"createRunFiles": {"runID": "Ug==", "uploadHeaders": [], "files": files}}

    def _CreateArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._told(sent["input"]["runName"]).artifacts.append(sent["input"])
        artifact = {"id": sent["input"]["digest"], "state": "COMMITTED", "artifactSequence": {"latestArtifact": None}}
        return {"createArtifact": {"artifact": artifact}}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _answer(self, value: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
