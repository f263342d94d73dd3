"""A declared corpus → a folder with its files and a record of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from terna.data.download.folder import fetch_folder, local_folder
from terna.data.download.hub import RECORD, fetch_dataset
from terna.data.download.patience import PATIENCE, Patience
from terna.data.download.places import fetch, is_remote
from terna.errors import DataError
from terna.records import read_json, read_record, sha256_of, write_json
from terna.settings import Corpus, File


def fetch_corpus(
    corpus: Corpus,
    folder: Path,
    *,
    mirror: Path | None,
    check: Callable[[File, Path], None],
    progress: bool,
    patience: Patience = PATIENCE,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Put the files of `corpus`, and no others, into `folder`, and last fetched.json, which says that all are there.

    fetched.json: `sha256`, `bytes` and declared `addresses` of each file by name, and `more`. Raises DownloadError. A
    dataset of the hub comes as `fetch_dataset` says, a local folder that `datasets` saved as its .arrow files.
    """
    if corpus.dataset is not None:
        fetch_dataset(corpus.dataset, folder, mirror=mirror)
        if more:
            write_json({**read_json(folder / RECORD), **more}, folder / RECORD)
        return
    record = folder / RECORD
    accepted = {file.name: _accepted(file, corpus, recorded(record)) for file in corpus.files}
    if not all(_is_there(folder / name, digests) for name, digests in accepted.items()):
        record.unlink(missing_ok=True)
    found: dict[str, str] = {}
    for file in corpus.files:
        target = folder / file.name
        if corpus.format == "columns" and (saved := local_folder(file.addresses, mirror, target)):
            found |= fetch_folder(saved, target, exact=corpus.exact)
            continue
        found[file.name] = fetch(
            file.addresses,
            accepted[file.name],
            target,
            exact=corpus.exact,
            mirror=mirror,
            progress=progress,
            check=lambda path, file=file: check(file, path),  # type: ignore[misc]  # mypy knows no default in a lambda
            patience=patience,
        )
    _tidy(folder, [RECORD, *found])
    sizes = {name: (folder / name).stat().st_size for name in found}
    write_json({"sha256": found, "bytes": sizes, "addresses": _addresses(corpus), **more}, record)


def recorded(record: Path) -> Mapping[str, Any]:
    """The record of an earlier call; empty without one that is whole."""
    try:
        return read_record(record, {"sha256": dict[str, str], "addresses": dict[str, list[str]]}, "fetch again")
    except DataError:
        return {}


def _accepted(file: File, corpus: Corpus, before: Mapping[str, Any]) -> list[str]:
    """The digests that pass; where none is published, also that of the copy that these same addresses gave.

    Not of a copy from a local path, which costs nothing to take again and may have been edited since.
    """
    same = before.get("addresses", {}).get(file.name) == file.addresses
    came = before.get("sha256", {}).get(file.name)
    return [*file.sha256, *([came] if came and same and not is_local(file) and not corpus.exact else [])]


def is_local(file: File) -> bool:
    """Whether a path is among its addresses."""
    return not all(is_remote(address) for address in file.addresses)


def _addresses(corpus: Corpus) -> dict[str, list[str]]:
    return {file.name: list(file.addresses) for file in corpus.files}


def _is_there(path: Path, digests: list[str]) -> bool:
    return path.is_file() and sha256_of(path) in digests


def _tidy(folder: Path, names: list[str]) -> None:
    for path in sorted(folder.iterdir()):
        if path.name not in names and not path.is_dir():
            path.unlink()
