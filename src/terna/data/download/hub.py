"""A dataset of the hub → its data files in a folder, at one commit."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from re import fullmatch
from typing import Any

from terna.errors import DataError, DownloadError, words_of
from terna.records import read_record, replacing_folder, sha256_of, write_json
from terna.settings import HubDataset
from terna.settings.declaration import COMMIT, DATASET
from terna.settings.hub import PATIENCE, hub_errors, patience

RECORD = "fetched.json"
KEYS = {"sha256": dict[str, str], "dataset": dict[str, Any], "addresses": dict[str, list[str]]}
OFFLINE = (
    "Without a hub: pack it where there is one (make mirror DEST=…) and set TERNA_MIRROR here, or take the hub's cache "
    "folder along (HF_HOME, with HF_HUB_OFFLINE=1). The sample (corpora=sample) and files of your own need neither"
)


def fetch_dataset(dataset: HubDataset, folder: Path, *, mirror: Path | None) -> None:
    """Put the data files of `dataset` into folder/dataset, and last fetched.json, which says that all are there.

    fetched.json: `sha256`, `bytes` and `addresses` of each file by name, and `dataset`: what was asked for, with the
    commit that came. What already exists stays, as long as the declaration is the same. Raises DownloadError when
    the hub cannot be reached and no mirror has them, or has no such dataset.
    """
    if _is_there(dataset, folder):
        return
    (folder / RECORD).unlink(missing_ok=True)
    packed = mirror / folder.name if mirror else None
    if packed and _is_there(dataset, packed):
        record = read_record(packed / RECORD, KEYS, "pack it again")
        with replacing_folder(folder / DATASET) as beside:
            shutil.copytree(packed / DATASET, beside, dirs_exist_ok=True)
        _tidy(folder)
        write_json(record, folder / RECORD)
        return
    with _hub(dataset):
        commit = _commit(dataset)
        names = dataset.files or list(_found(dataset, commit))
        with replacing_folder(folder / DATASET) as beside:
            addresses = {f"{DATASET}/{name}": [_download(dataset, commit, name, beside / name)] for name in names}
    _tidy(folder)
    sizes = {name: (folder / name).stat().st_size for name in addresses}
    digests = {name: sha256_of(folder / name) for name in addresses}
    came = asdict(dataset) | {"commit": commit}
    write_json({"sha256": digests, "bytes": sizes, "addresses": addresses, "dataset": came}, folder / RECORD)


def _is_there(dataset: HubDataset, folder: Path) -> bool:
    """Whether a folder holds what an earlier call put there for the same declaration, and nothing else of data."""
    try:
        record = read_record(folder / RECORD, KEYS, "fetch again")
    except DataError:
        return False
    asked = {key: value for key, value in record["dataset"].items() if key != "commit"}
    found = {path.relative_to(folder).as_posix() for path in (folder / DATASET).rglob("*") if path.is_file()}
    digests = record["sha256"]
    return (
        asked == asdict(dataset)
        and found == set(digests)
        and all(sha256_of(folder / name) == digest for name, digest in digests.items())
    )


def _tidy(folder: Path) -> None:
    """Remove what an earlier declaration left beside the dataset."""
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()


@contextmanager
def _hub(dataset: HubDataset) -> Iterator[None]:
    """What huggingface_hub and datasets raise becomes a DownloadError with the remedy."""
    try:
        yield
    except hub_errors() as error:
        asked = f"{dataset.name} at revision {dataset.revision or 'main'}"
        if getattr(getattr(error, "response", None), "status_code", None) is not None:
            raise DownloadError(
                f"{asked}: the hub does not give it ({words_of(error)}); see name, revision and files, and for a "
                "private or gated dataset HF_TOKEN"
            ) from error
        raise DownloadError(f"{asked}: not available from the hub ({words_of(error)}). {OFFLINE}") from error


def _commit(dataset: HubDataset) -> str:
    """The commit that the revision is; a commit is asked for too, so that a hub out of reach is noticed at once."""
    from huggingface_hub import HfApi, constants

    if constants.is_offline_mode() and fullmatch(COMMIT, dataset.revision or ""):
        return str(dataset.revision)
    return str(HfApi().dataset_info(dataset.name, revision=dataset.revision, timeout=patience()).sha)


def _found(dataset: HubDataset, commit: str) -> Iterator[str]:
    """The paths of a split's data files, as datasets finds them; no code of the repository runs."""
    from datasets import load_dataset_builder

    builder = load_dataset_builder(dataset.name, dataset.config, revision=commit)
    splits = builder.config.data_files or {}
    if dataset.split not in splits:
        there_are = ", ".join(map(str, splits)) or "none"
        raise DownloadError(f"{dataset.name}: no split {dataset.split!r}; there are {there_are}; see dataset.split")
    for address in splits[dataset.split]:
        yield str(address).partition(f"@{commit}/")[2]


def _download(dataset: HubDataset, commit: str, name: str, target: Path) -> str:
    """Copy a file out of the hub's cache, where huggingface_hub keeps it, to `target`; its address."""
    from huggingface_hub import hf_hub_download, hf_hub_url

    cached = hf_hub_download(dataset.name, name, repo_type="dataset", revision=commit, etag_timeout=PATIENCE)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cached, target)
    return hf_hub_url(dataset.name, name, repo_type="dataset", revision=commit)
