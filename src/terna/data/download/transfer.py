"""One http(s) address → a partial file that is whole, through stalls, resets and errors that pass."""

import time
from contextlib import closing

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tqdm import tqdm

from terna.data.download.answers import length, retry_after, shown, span, takes_ranges, validator
from terna.data.download.client import send
from terna.data.download.partial import Note, Partial
from terna.data.download.patience import Patience
from terna.data.download.watch import Watch
from terna.errors import DownloadError

# what servers call HTML, and what files of it are called
PAGES = ("text/html", "application/xhtml+xml")
PAGE_FILES = (".html", ".htm", ".xhtml")
BROKEN = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)


class Passing(DownloadError):
    """A fault that may pass: another try is worth while, not before `after` seconds."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        self.after = after
        super().__init__(message)


class Transfer:
    """Brings the bytes at `address` into `partial`.

    `spliced` says, once it has run, whether they came in more than one answer, `called_page` whether the server called
    them an HTML page, which the name of the file does not. certain: a digest will decide, so that
    a server that names no version may be asked for the rest too.
    """

    def __init__(
        self, client: httpx.Client, address: str, partial: Partial, patience: Patience, *, certain: bool, progress: bool
    ) -> None:
        self.spliced, self.called_page = False, False
        self._client, self._address, self._partial, self._patience = client, address, partial, patience
        self._certain, self._progress = certain, progress
        self._met = False
        self._ignores_ranges = False
        self._total: int | None = None
        self._until = time.monotonic() + patience.longest

    def run(self) -> None:
        """Try until the file is whole. Raises DownloadError for an answer that will not change, or out of patience."""
        self._fruitless, self._best = 0, self._partial.size
        retrying = Retrying(
            retry=retry_if_exception_type(Passing),
            stop=lambda _: self._fruitless >= self._patience.attempts or time.monotonic() >= self._until,
            wait=self._wait,
            reraise=True,
        )
        try:
            retrying(self._try)
        except Passing as error:
            tries = retrying.statistics["attempt_number"]
            raise DownloadError(f"{error}; given up after {tries} tries") from error

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.after if isinstance(fault, Passing) else 0.0
        backoff: float = self._patience.backoff * 2 ** (self._fruitless - 1)
        return min(max(asked, backoff), self._patience.longest_wait)

    def _try(self) -> None:
        note = self._partial.note(self._address)
        if note is not None and note.total == self._partial.size:
            self.spliced = True
            return
        try:
            self._ask(note)
        except Passing:
            if self._partial.size >= self._best + self._patience.headway:
                self._best, self._fruitless = self._partial.size, 0
            self._fruitless += 1
            raise

    def _ask(self, note: Note | None) -> None:
        # compressed on the way, the bytes would be others and could not be resumed
        headers = {"Accept-Encoding": "identity"}
        if note is not None:
            headers["Range"] = f"bytes={self._partial.size}-"
            headers |= {"If-Range": note.validator} if note.validator else {}
        with Watch(self._patience, self._until) as watch:
            extensions = {"trace": watch.trace}
            request = self._client.build_request("GET", self._address, headers=headers, extensions=extensions)
            try:
                with closing(send(self._client, request, self._patience.redirects)) as answer:
                    self._met = True
                    self._take(answer, note, watch)
            except BROKEN as error:
                raise self._broken(error, watch) from error
            if watch.cut:  # and the answer had no length, so that its end seemed to come
                raise self._broken(None, watch)

    def _broken(self, error: httpx.TransportError | None, watch: Watch) -> DownloadError:
        if isinstance(error, httpx.ConnectError) and not self._met:
            return DownloadError(f"{self._address}: {shown(error)}, expected the file")
        reason = watch.cut or shown(error) or type(error).__name__
        total = "an unknown number of" if self._total is None else self._total
        return Passing(f"{self._address}: broke off ({reason}); {self._partial.size} of {total} bytes are here")

    def _take(self, answer: httpx.Response, note: Note | None, watch: Watch) -> None:
        status, headers = answer.status_code, answer.headers
        if status in (408, 429) or status >= 500:
            raise Passing(f"{self._address}: {_said(answer)}", retry_after(headers))
        if headers.get("content-encoding", "identity").lower() != "identity":
            encoding = shown(headers["content-encoding"])
            raise DownloadError(f"{self._address}: came as {encoding}, expected the file's own bytes")
        if note is not None and status == 416 and headers.get("content-range") == f"bytes */{self._partial.size}":
            self.spliced = True  # all of it was here, of a file whose length had not been said
        elif note is not None and status in (206, 416):
            self._total = self._go_on(answer, note)
            self._write(answer, watch)
        elif status == 200:
            self._total = self._begin(answer, asked=note is not None)
            self._write(answer, watch)
        else:
            raise DownloadError(f"{self._address}: {_said(answer)}")

    def _begin(self, answer: httpx.Response, *, asked: bool) -> int | None:
        """Make room for the whole file; its length."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.called_page = kind in PAGES and not self._partial.name.lower().endswith(PAGE_FILES)
        note = Note(self._address, validator(answer.headers), length(answer.headers))
        takes = takes_ranges(answer.headers)
        self._ignores_ranges = not takes and (asked or self._ignores_ranges)
        # a server that does not say is asked, if it names versions: one that knows no ranges then sends the whole
        able = takes or (takes is None and note.validator is not None and not self._ignores_ranges)
        # a note does not say what the server called it
        sure = self._certain or (note.validator is not None and not self.called_page)
        self._partial.begin(note if able and sure else None)
        self.spliced = False
        return note.total

    def _go_on(self, answer: httpx.Response, note: Note) -> int | None:
        """Make sure that what comes is the rest of what is here; the whole's length."""
        here, found, named = self._partial.size, span(answer.headers), validator(answer.headers)
        total = found.total if found and found.total is not None else note.total
        other = None not in (named, note.validator) and named != note.validator
        if answer.status_code == 416 or not found or found.first != here or note.total not in (None, total) or other:
            self._partial.discard()
            came = f"{_said(answer)}, {shown(answer.headers.get('content-range', 'no Content-Range'))}"
            expected = f"bytes {here}- of {note.total}, version {shown(note.validator)}"
            raise Passing(f"{self._address}: {came}, version {shown(named)}; expected {expected}")
        self.spliced = True
        return total

    def _write(self, answer: httpx.Response, watch: Watch) -> None:
        size, total, limit = self._partial.size, self._total, self._patience.largest
        if total is not None and total > limit:
            self._partial.discard()
            raise DownloadError(f"{self._address}: {total} bytes were announced, expected no more than {limit}")
        limit = limit if total is None else total
        off = None if self._progress else True  # None: where there is no terminal
        bar = tqdm(total=total, initial=size, unit="B", unit_scale=True, desc=self._partial.name, disable=off)
        with bar, self._partial.path.open("ab") as file:
            for chunk in answer.iter_raw():
                size += len(chunk)
                if size > limit:
                    self._partial.discard()
                    message = f"{self._address}: more than {limit} bytes came, expected no more"
                    raise DownloadError(message) if total is None else Passing(message)
                file.write(chunk)
                watch.count(len(chunk))
                bar.update(len(chunk))
        if total is not None and size != total:
            raise Passing(f"{self._address}: {size} bytes came, expected {total}")


def _said(answer: httpx.Response) -> str:
    return f"HTTP {answer.status_code} {shown(answer.reason_phrase)}, expected the file"
