"""An HTTP client that reads no more than it must: no cookies, no bodies of redirects, a new connection each time."""

from http.client import HTTPResponse
from http.cookiejar import CookieJar
from urllib.request import Request

import httpx

from terna.data.download.patience import Patience


class NoCookies(CookieJar):
    """A jar that stays empty: a server could fill it by tens of thousands with each redirect."""

    def extract_cookies(self, response: HTTPResponse, request: Request) -> None:
        """Take none."""


def open_client(patience: Patience) -> httpx.Client:
    """A client for one address; a context manager."""
    # a connection that was kept open would not be announced to the Watch of the next request
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=patience.stall, limits=limits, cookies=NoCookies())


def send(client: httpx.Client, request: httpx.Request, redirects: int) -> httpx.Response:
    """The answer behind at most so many redirects, its body unread, to be closed; httpx.HTTPError.

    httpx's own follow_redirects reads the body of each redirect, decompressed, whole and into memory.
    """
    for _ in range(redirects + 1):
        answer = client.send(request, stream=True)
        if answer.next_request is None:
            return answer
        answer.close()
        request = answer.next_request
    raise httpx.TooManyRedirects(f"more than {redirects} redirects in a row", request=request)
