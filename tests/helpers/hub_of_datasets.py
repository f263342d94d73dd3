"""A stand-in for the hub that has one dataset, in the hub's layout, and writes down what it is asked."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

NAME = "alguien/pares"
COMMIT = "ab" * 20


@dataclass
class Served:
    """files: the repository's, by path. asked: method and path of each request. tokens: what authorised them."""

    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    address: str = ""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Served]:
    """Serve the files as NAME at COMMIT, which is main."""
    served = Served(files)

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.note()
            path = unquote(urlparse(self.path).path)
            api, held = f"/api/datasets/{NAME}", f"/datasets/{NAME}/resolve/"
            if path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
                siblings = [{"rfilename": name} for name in served.files]
                self.tell(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings, "tags": []}).encode())
            elif path.startswith(f"{api}/tree/"):
                self.tell(json.dumps(self.tree(path.partition("/tree/")[2].partition("/")[2])).encode())
            elif path.startswith(held) and path.removeprefix(held).partition("/")[2] in served.files:
                self.tell(served.files[path.removeprefix(held).partition("/")[2]])
            else:
                self.tell(b'{"error": "not found"}', 404)

        do_HEAD = do_GET

        def do_POST(self) -> None:
            self.note()
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if f"/api/datasets/{NAME}/paths-info/" not in self.path:
                self.tell(b"{}", 404)
                return
            asked = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
            self.tell(json.dumps([one for name in asked for one in self.listed(name)]).encode())

        def note(self) -> None:
            served.asked.append(f"{self.command} {self.path}")
            served.tokens.add(self.headers["Authorization"])

        def listed(self, path: str) -> list[dict[str, object]]:
            if path in served.files:
                size, oid = len(served.files[path]), hashlib.sha1(served.files[path]).hexdigest()
                return [{"type": "file", "path": path, "size": size, "oid": oid}]
            inside = any(name.startswith(f"{path}/") for name in served.files)
            return [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0}] if inside else []

        def tree(self, folder: str) -> list[dict[str, object]]:
            start = f"{folder}/" if folder else ""
            inside = {
                start + name.removeprefix(start).partition("/")[0] for name in served.files if name.startswith(start)
            }
            every = [one for name in sorted(inside) for one in self.listed(name)]
            if "recursive=true" in self.path.lower():
                every = [one for name in served.files if name.startswith(start) for one in self.listed(name)]
            return every

        def tell(self, content: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound" if "/resolve/" in self.path else "RepoNotFound")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.daemon_threads = True
        served.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield served
        finally:
            server.shutdown()


def environment(address: str, home: Path, **more: str) -> dict[str, str]:
    """In which a process asks the hub at this address, with a token and a cache of its own."""
    asking = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_secret", "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    return {**os.environ, **asking, "HF_HUB_OFFLINE": "0", "HF_UPDATE_DOWNLOAD_COUNTS": "0", **more}
