"""Where a file may be had, one place after the other."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlparse

import httpx

from terna.data.download.answers import shown
from terna.data.download.client import open_client
from terna.data.download.partial import Partial
from terna.data.download.patience import PATIENCE, Patience
from terna.data.download.transfer import Transfer
from terna.data.download.verify import Wanted, settle, verified
from terna.errors import DownloadError
from terna.records import sha256_of


def is_remote(address: str) -> bool:
    """Whether an address is one of http(s), not a path."""
    return address.startswith(("http://", "https://"))


def local_file(addresses: Sequence[str], mirror: Path | None, target: Path) -> Path | None:
    """The first place on this machine that `fetch` takes a file from; None where there is none."""
    return next((Path(place) for place in [*_here(addresses), *_copies(addresses, mirror, target)]), None)


def _here(addresses: Sequence[str]) -> list[str]:
    """The paths that lead to a file."""
    return [address for address in addresses if not is_remote(address) and Path(address).is_file()]


def from_environment() -> Path | None:
    """The mirror folder that TERNA_MIRROR names; None where it is not set or empty."""
    given = os.environ.get("TERNA_MIRROR")
    return Path(given) if given else None


def fetch(
    addresses: Sequence[str],
    accepted: Sequence[str],
    target: Path,
    *,
    exact: bool = True,
    mirror: Path | None = None,
    progress: bool = True,
    check: Callable[[Path], None] | None = None,
    patience: Patience = PATIENCE,
) -> str:
    """Put the file at `target` and return its sha256.

    accepted: digests that pass; with exact=False other bytes pass too (never an HTML page or an empty file).
    mirror: a folder to look in before the addresses, but for paths that lead to a file: a copy elsewhere that is called
    the same may be another. check: raises DataError for a file that is of no use.
    Raises DownloadError, naming each place and what was wrong with it; nothing but a download that can be resumed
    is then left, and no empty folder.
    """
    wanted = Wanted(accepted, exact, check)
    partial = Partial(target)
    _beside(target).unlink(missing_ok=True)
    # a path costs nothing to take again, and its file may have been edited
    here = _here(addresses)
    if not here and target.is_file() and sha256_of(target) in accepted:
        found = verified(target, str(target), wanted)
        partial.discard()
        return found
    target.parent.mkdir(parents=True, exist_ok=True)
    refused = []
    for place in dict.fromkeys([*here, *_copies(addresses, mirror, target), *addresses]):
        try:
            found = _from(place, target, wanted, patience, progress)
        except DownloadError as error:
            refused.append(str(error))
        else:
            partial.discard()
            return found
    if not any(target.parent.iterdir()):
        target.parent.rmdir()
    raise DownloadError("\n  ".join([f"{_name(addresses[0])} could not be fetched:", *refused]))


def _copies(addresses: Sequence[str], mirror: Path | None, target: Path) -> list[str]:
    """Copies in the mirror, or a folder in it, under any of the file's names; those in the target's folder first.

    Case does not count: sources of one file do not agree on it (STS2015-es-test.zip, sts2015-es-test.zip).
    """
    if mirror is None:
        return []
    if not mirror.is_dir():
        raise DownloadError(f"{mirror}: the mirror, which should be a folder, is not there; name another or none")
    names = [_name(address).casefold() for address in addresses]
    found = (path for pattern in ("*", "*/*") for path in mirror.glob(pattern) if path.name.casefold() in names)
    # two corpora may each have a file of one name
    ordered = sorted(found, key=lambda path: (path.parent.name != target.parent.name, path))
    return [str(path) for path in ordered if path.is_file()]


def _from(place: str, target: Path, wanted: Wanted, patience: Patience, progress: bool) -> str:
    try:
        if urlparse(place).scheme in ("http", "https"):
            return _download(place, target, wanted, patience, progress)
        return _copy(place, target, wanted)
    except OSError as error:
        raise DownloadError(f"{place}: {error}; expected {target.name}") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # the last for a host like "a..b", or a zero byte
        raise DownloadError(f"{place}: {shown(error) or type(error).__name__}; expected {target.name}") from error


def _beside(target: Path) -> Path:
    """Where a file from a local path gathers; a process that was killed leaves it, and the next call removes it."""
    return target.with_name(f".{target.name}.copy")


def _copy(place: str, target: Path, wanted: Wanted) -> str:
    source, beside = Path(place), _beside(target)
    if not source.exists():
        raise DownloadError(f"{place}: no such file; put it there, or correct the path in the settings")
    if not source.is_file():
        kind = "a folder" if source.is_dir() else "a device, pipe or socket"
        raise DownloadError(f"{place}: {kind}, expected a file")
    try:
        shutil.copyfile(place, beside)
        found = verified(beside, place, wanted)
        settle(beside, target)
        return found
    finally:
        beside.unlink(missing_ok=True)


def _download(address: str, target: Path, wanted: Wanted, patience: Patience, progress: bool) -> str:
    partial = Partial(target)
    try:
        with open_client(patience) as client:
            transfer = Transfer(client, address, partial, patience, certain=wanted.exact, progress=progress)
            found = _right(transfer, partial, address, wanted)
        settle(partial.path, target)
        return found
    finally:
        partial.tidy()


def _right(transfer: Transfer, partial: Partial, address: str, wanted: Wanted) -> str:
    """The digest of the file once it has come; a wrong one that was pieced together is fetched once from zero."""
    transfer.run()
    try:
        return verified(partial.path, address, wanted, called_page=transfer.called_page)
    except DownloadError:
        partial.discard()
        if not transfer.spliced:
            raise
    transfer.run()
    try:
        return verified(partial.path, address, wanted, called_page=transfer.called_page)
    except DownloadError:
        partial.discard()
        raise


def _name(address: str) -> str:
    return Path(urlparse(address).path).name
