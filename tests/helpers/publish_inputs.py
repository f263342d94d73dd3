"""A released project whose encoder gives its figures, and a stand-in for the hub that keeps what is sent to it."""

import base64
import hashlib
import json
import os
import runpy
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import lineage_inputs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from card_inputs import TRAINING, scores_of
from huggingface_hub import constants
from lineage_inputs import put, put_json

from terna.data.corpora import read_sts
from terna.encoder import Encoder, save
from terna.metrics.correlations import figures
from terna.metrics.similarity import pairwise
from terna.provenance import record
from terna.settings import Settings

REPO = "alguien/terna-prueba"
# of repositories
KINDS = ("model", "dataset")


def released(root: Path, project: Path, encoder: Encoder) -> None:
    """Lay out in `project`, the working folder, a run whose encoder is this one, and release it under REPO."""

    def train(settings: Settings) -> None:
        save(encoder, Path("models/encoder"))
        outs = [
            Path("models/encoder"),
            put("plots/loss.csv", "step,loss"),
            put_json("metrics/train.json", TRAINING | {"backbone_commit": None}),
        ]
        record("train", settings, [Path("data/tokens")], outs, Path("models/made.json"), threads=2)

    stages = {**lineage_inputs.STAGES, "train": train, "evaluate": lambda settings: evaluate(settings, encoder)}
    settings = lineage_inputs.run_line(root, project, stages)
    composed = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(composed.replace("repo: release/encoder", f"repo: {REPO}"))
    run(project, "release.py", "--config-path=..", "--config-name=params")
    lineage_inputs.report(replace(settings, release=replace(settings.release, repo=REPO)))


def made_up(root: Path, project: Path, overrides: Sequence[str] = ()) -> Path:
    """Lay out in `project` a made-up run, and release it; `project`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        lineage_inputs.run_line(root, project, overrides=overrides)
        run(project, "release.py", "--config-path=..", "--config-name=params")
    return project


def to_break(made: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project's release in `folder`; the project is the working folder."""
    monkeypatch.chdir(made)
    return Path(shutil.copytree(made / "release", folder / "release"))


def evaluate(settings: Settings, encoder: Encoder) -> None:
    scores = scores_of(settings)
    for name, corpus in settings.evaluate.benchmarks.items():
        table = read_sts(name, corpus, Path("data/raw/sts") / name)
        texts = [*table["sentence1"].to_pylist(), *table["sentence2"].to_pylist()]
        found = pairwise(*np.split(encoder.encode(texts), 2))
        scores[name] |= figures(found, table["gold"].to_numpy())
        Path("predictions").mkdir(exist_ok=True)
        pq.write_table(pa.table({"cosine": found["cosine"]}), f"predictions/{name}.parquet")
    outs = [put_json("metrics/sts.json", scores), put_json("metrics/diagnosis.json", {"made": "up"})]
    outs += [Path(f"predictions/{name}.parquet") for name in settings.evaluate.benchmarks]
    read = [Path("models/encoder"), Path("data/raw/sts")]
    record("evaluate", settings, read, outs, Path("predictions/made.json"), threads=2)


def run(project: Path, script: str, *words: str) -> None:
    """A script of the project, as a person starts it there."""
    with mock.patch.object(sys, "argv", [str(project / "pipelines" / script), *words]):
        runpy.run_path(sys.argv[0], run_name="__main__")


class Hub(ThreadingHTTPServer):
    """What create_repo and create_commit of huggingface_hub call, without xet.

    asked: method and path of each request. stored: the bytes of each large file, by digest. commits: of each the
    message and the files. fails: a path's part → a status to answer with, or 0 to hang up.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.root = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.made: list[dict[str, object]] = []
        self.stored: dict[str, bytes] = {}
        self.commits: list[tuple[str, dict[str, bytes]]] = []
        self.fails: dict[str, int] = {}


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.read()
        if self.failed():
            return
        self.server.tokens.add(self.headers["Authorization"])
        if self.path == "/api/repos/create":
            self.server.made.append(json.loads(body))
            self.tell({"url": f"{self.server.root}/{REPO}"})
        elif self.path == "/api/validate-yaml":
            self.tell({"errors": [], "warnings": []})
        elif self.path in (f"/api/{kind}s/{REPO}/preupload/main" for kind in KINDS):
            given = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": mode(file["path"]), "shouldIgnore": False} for file in given]
            self.tell({"files": modes})
        elif self.path.removeprefix("/datasets") == f"/{REPO}.git/info/lfs/objects/batch":
            self.tell({"transfer": "basic", "objects": [self.place(each) for each in json.loads(body)["objects"]]})
        elif self.path in (f"/api/{kind}s/{REPO}/commit/main" for kind in KINDS):
            self.commit([json.loads(line) for line in body.splitlines()])
        else:
            self.tell({"error": "no such page"}, 404)

    def do_PUT(self) -> None:
        body = self.read()
        if self.failed():
            return
        if hashlib.sha256(body).hexdigest() == self.path.removeprefix("/store/"):
            self.server.stored[self.path.removeprefix("/store/")] = body
            self.tell({})
        else:
            self.tell({"error": "other bytes than announced"}, 400)

    def place(self, described: dict[str, object]) -> dict[str, object]:
        upload = {"href": f"{self.server.root}/store/{described['oid']}", "header": {}}
        return described | {"actions": {"upload": upload}}

    def commit(self, lines: list[dict[str, dict[str, str]]]) -> None:
        files = {}
        for line in lines[1:]:
            told = line["value"]
            large = "oid" in told
            files[told["path"]] = self.server.stored[told["oid"]] if large else base64.b64decode(told["content"])
        self.server.commits.append((lines[0]["value"]["summary"], files))
        self.tell({"commitUrl": f"{self.server.root}/{REPO}/commit/{'ab' * 20}", "commitOid": "ab" * 20})

    def read(self) -> bytes:
        """The request's body, whether its length is told or it comes in pieces."""
        self.server.asked.append(f"{self.command} {self.path}")
        if self.headers["Content-Length"]:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def failed(self) -> bool:
        for part, status in self.server.fails.items():
            if part in self.path:
                if status:
                    self.tell({"error": "made to fail"}, status)
                else:
                    self.close_connection = True  # hang up without an answer
                return True
        return False

    def tell(self, value: object, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def mode(path: str) -> str:
    return "lfs" if path.endswith((".safetensors", ".parquet", "tokenizer.json")) else "regular"


@contextmanager
def hub_on_loopback() -> Iterator[Hub]:
    """A stand-in that answers until the block ends."""
    with mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}), Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


@contextmanager
def hub_with_token() -> Iterator[Hub]:
    """The same for a client in this process: with a token for it, without xet, without waiting between attempts."""
    with pytest.MonkeyPatch.context() as patch, hub_on_loopback() as hub:
        patch.setenv("HF_TOKEN", "hf_prueba")
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "ENDPOINT", hub.root)
        patch.setattr(time, "sleep", lambda _: None)
        yield hub
