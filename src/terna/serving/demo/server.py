"""The demo's server: a file of the page, or JSON for what is computed.

It listens on this machine's own address alone, unless a proxy serves the page to others under an address of its own.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from terna.errors import AddressError, TernaError
from terna.serving.demo import evaluated, files
from terna.serving.demo.answers import Answers
from terna.serving.demo.asked import BODY, FILE_BODY, file, groups, neighbours, pair, parsed, search, state
from terna.serving.demo.refused import PAGE, Refused, language_of
from terna.settings.devices import Precision
from terna.systems import load_system, locate

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 what a container's proxy reaches
# the hub shows a Space in a frame of its own page
FRAME = "https://huggingface.co"
Content = tuple[str, bytes]

JSON = "application/json"
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/sections.js": ("sections.js", "text/javascript"),
    "/file.js": ("file.js", "text/javascript"),
    "/evaluated.js": ("evaluated.js", "text/javascript"),
    "/results.js": ("results.js", "text/javascript"),
    "/plot.js": ("plot.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
    "/words.json": ("words.json", JSON),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
EXAMPLE = "/api/example"
COMPUTED: dict[str, Callable[[Any, Any], Any]] = {
    "/api/similarity": lambda answers, body: answers.similarity(pair(body)),
    "/api/search": lambda answers, body: answers.search(search(body)),
    "/api/groups": lambda answers, body: answers.groups(groups(body)),
    "/api/file": lambda answers, body: answers.hold(file(body)),
    "/api/state": lambda answers, body: answers.state(state(body)),
    "/api/neighbours": lambda answers, body: answers.neighbours(neighbours(body)),
}
# bytes that a body may have, BODY where nothing else is said
BODIES = {"/api/file": FILE_BODY}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors "
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# bytes of a refused body that are read away: a browser that is still sending would not see the answer
DRAINED = 64 * BODY


class Handler(BaseHTTPRequestHandler):
    """Serves a connection of one request."""

    server: "Server"
    timeout = 20  # seconds that a silent client may keep a thread
    unread = 0  # bytes of the body

    def do_GET(self) -> None:
        """A file of the page, or the example."""
        self._answer(self._page)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """What is to be computed."""
        self._answer(self._computed)

    def _answer(self, content: Callable[[], Content]) -> None:
        try:
            self._check_host()
            kind, body = content()
            self._send(HTTPStatus.OK, kind, body)
        except Refused as refused:
            self._refuse(refused)
        except TernaError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            self._refuse(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "error_model", reason=error))

    def _page(self) -> Content:
        path = urlsplit(self.path).path
        if path == EXAMPLE:
            return JSON, _json(self.server.answers.example())
        if path in COMPUTED:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "error_method", method="POST")
        if path not in FILES:
            raise Refused(HTTPStatus.NOT_FOUND, "error_path", path=path[:80])
        name, kind = FILES[path]
        return f"{kind}; charset=utf-8", (PAGE / name).read_bytes()

    def _computed(self) -> Content:
        path = urlsplit(self.path).path
        self.unread = self._length()
        self._check_origin()
        if path in FILES or path == EXAMPLE:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "error_method", method="GET")
        if path not in COMPUTED:
            raise Refused(HTTPStatus.NOT_FOUND, "error_path", path=path[:80])
        body = parsed(self._body(BODIES.get(path, BODY)))
        return JSON, _json(COMPUTED[path](self.server.answers, body))

    def _check_host(self) -> None:
        """Another site's name that resolves to this machine must not reach the page (DNS rebinding).

        A page that a proxy serves is for everybody, under whatever name.
        """
        if not self.server.site and self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "error_host", hosts=", ".join(self.server.hosts))

    def _check_origin(self) -> None:
        """Another site's form or script must not make the encoder work; a browser says whose it is."""
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {self.server.site, *(f"http://{host}" for host in self.server.hosts)}:
            raise Refused(HTTPStatus.FORBIDDEN, "error_origin")
        if self.headers.get_content_type() != JSON:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "error_type", kind=JSON)

    def _length(self) -> int:
        length = self.headers.get("Content-Length")
        if length is None or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "error_length")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise Refused(HTTPStatus.BAD_REQUEST, "error_length")
        return int(length)

    def _body(self, most: int) -> bytes:
        if self.unread > most:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "error_body", found=self.unread, most=most)
        body, self.unread = self.rfile.read(self.unread), 0
        return body

    def _refuse(self, refused: Refused) -> None:
        self.rfile.read(min(self.unread, DRAINED))
        language = language_of(self.headers.get("Accept-Language", "")) if hasattr(self, "headers") else "es"
        more = {"Allow": str(refused.values["method"])} if "method" in refused.values else {}
        self._send(refused.status, JSON, _json({"error": refused.told(language)}), more)

    def _send(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        policy = POLICY + (FRAME if self.server.site else "'none'")
        fixed = {"Content-Type": kind, "Content-Length": str(len(body)), "Content-Security-Policy": policy}
        for name, value in (fixed | HEADERS | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as a request that is none, in our words."""
        self._refuse(Refused(HTTPStatus(code), "error_request"))

    def version_string(self) -> str:
        """No word of versions."""
        return "terna"

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence: what was asked for is nobody's business, and faults are told to who asked."""


def _json(found: object) -> bytes:
    return json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8")


class Server(ThreadingHTTPServer):
    """Listens on a port, 0 for a free one; AddressError, which names --port, where it cannot.

    site: the address, scheme and host, under which a proxy serves the page to everybody; None: on LOOPBACK alone.
    """

    answers: Answers  # set before the first request is taken

    def __init__(self, port: int, site: str | None = None) -> None:
        self.site, address = site, EVERYWHERE if site else LOOPBACK
        try:
            super().__init__((address, port), Handler)
        except OSError as error:
            raise AddressError(f"--port {port}: {error.strerror} on {address}; give another, or 0 for any") from error
        names = (LOOPBACK, "localhost")
        # a browser leaves out the port that http has anyway
        self.hosts = [f"{name}:{self.server_port}" for name in names] + ([*names] if self.server_port == 80 else [])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone, or is silent, is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve(
    where: str,
    port: int,
    device: str = "cpu",
    precision: Precision = "float32",
    *,
    corpus: Path | None = None,
    site: str | None = None,
) -> None:
    """Serve the page over an encoder (see `load_system`) until Ctrl-C; its address goes to standard error.

    corpus: a file that everybody can search; it is encoded while the page is served. site: see `Server`. The port is
    taken first, and the file is read: what is wrong with them is told before the encoder is read. Raises AddressError,
    DataError and ModelError.
    """
    with suppress(KeyboardInterrupt), Server(port, site) as server:
        lines = files.read(corpus) if corpus else None
        told = evaluated.told(locate(where))
        server.answers = Answers(load_system(where, device, precision), where, told, local=site is None)
        if lines:
            server.answers.serve(lines)
        at = f" for {site}" if site else ""
        print(f"http://{LOOPBACK}:{server.server_port}/{at}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        finally:  # a thread that computes while Python ends ends badly
            server.answers.end()
