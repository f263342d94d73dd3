"""Addresses → a verified file on disk.

A file is taken from the first place that gives accepted bytes: a mirror folder (where each file bears the name
that it has at its source), then its addresses in order: http(s), or a path from the working folder. It is written
beside its place, its sha256 is compared over the whole file, and only then is it renamed.
"""

import codecs
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse

import httpx
from tqdm import tqdm

from terna.errors import DownloadError
from terna.records import replacing

TIMEOUT = httpx.Timeout(30.0)
CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    addresses: Sequence[str],
    accepted: Sequence[str],
    target: Path,
    *,
    exact: bool = True,
    mirror: Path | None = None,
    progress: bool = True,
) -> str:
    """Put the file at `target` and return its sha256.

    accepted: digests that pass; with exact=False other bytes pass too (never an HTML page).
    mirror: a folder to look in first. Raises DownloadError, naming each place and what was wrong with it.
    """
    if target.is_file() and sha256_of(target) in accepted:
        return sha256_of(target)
    refused = []
    for place in _places(addresses, mirror):
        try:
            with replacing(target) as beside:
                _bring(place, beside, progress)
                return _verified(beside, place, accepted, exact)
        except DownloadError as error:
            refused.append(str(error))
    raise DownloadError("\n  ".join([f"{_name(addresses[0])} could not be had:", *refused]))


def _places(addresses: Sequence[str], mirror: Path | None) -> list[str]:
    """Where to look, in order: copies in the mirror under any of the file's names, then the addresses.

    Case does not count: sources of one file do not agree on it (STS2015-es-test.zip, sts2015-es-test.zip).
    """
    names = [_name(address).casefold() for address in addresses]
    copies = sorted(path for path in mirror.glob("*") if path.name.casefold() in names) if mirror else []
    return [*(str(copy) for copy in copies if copy.is_file()), *addresses]


def _bring(place: str, beside: Path, progress: bool) -> None:
    try:
        if urlparse(place).scheme in ("http", "https"):
            _stream(place, beside, progress)
        else:
            shutil.copyfile(place, beside)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        # a line a place: httpx adds a second, with a link to what a status means
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DownloadError(f"{place}: {reason}") from error


def _stream(address: str, beside: Path, progress: bool) -> None:
    with httpx.stream("GET", address, follow_redirects=True, timeout=TIMEOUT) as answer, beside.open("wb") as file:
        answer.raise_for_status()
        total = int(answer.headers.get("content-length", 0)) or None
        with tqdm(
            total=total, unit="B", unit_scale=True, desc=_name(address), disable=None if progress else True
        ) as bar:
            for chunk in answer.iter_bytes(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def _verified(beside: Path, place: str, accepted: Sequence[str], exact: bool) -> str:
    found = sha256_of(beside)
    if found in accepted:
        return found
    with beside.open("rb") as file:
        head = file.read(512).removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise DownloadError(f"{place}: an HTML page came, not the file; the server may have lost it")
    if exact:
        raise DownloadError(f"{place}: sha256 {found}, expected {' or '.join(accepted)}; a damaged or other file")
    return found


def _name(address: str) -> str:
    return Path(urlparse(address).path).name
