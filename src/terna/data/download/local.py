"""Your own files that the settings name → their digests, by which DVC sees that one was edited."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from terna.data.download.corpus import is_local, recorded
from terna.data.download.folder import local_folder, parts_of
from terna.data.download.hub import RECORD
from terna.data.download.places import local_file
from terna.records import sha256_of
from terna.settings import Corpus, Settings

RAW = Path("data/raw")

Digests = dict[str, str]


def local_digests(settings: Settings, *, mirror: Path | None) -> dict[str, dict[str, Digests]]:
    """The sha256 of each local file: of `nli`, `sts` and `parallel` by corpus and file, of `losses` by import path."""
    groups: Mapping[str, Mapping[str, Corpus]] = {
        "nli": settings.corpora,
        "sts": settings.evaluate.benchmarks,
        "parallel": settings.parallel,
    }
    found = {
        folder: {name: _files(corpus, RAW / folder / name, mirror) for name, corpus in corpora.items()}
        for folder, corpora in groups.items()
    }
    losses = sorted({path for path in vars(settings.train.loss).values() if "." in path})
    return {**found, "losses": {path: _module(path.rpartition(".")[0]) for path in losses}}


def _files(corpus: Corpus, folder: Path, mirror: Path | None) -> Digests:
    """Of each file that has a path among its addresses: what a fetch into `folder` would take for it on this machine.

    Of one that is nowhere on it, such as in a clone, what an earlier fetch took from the same addresses.
    """
    before, found = recorded(folder / RECORD), Digests()
    for file in filter(is_local, corpus.files):
        target = folder / file.name
        saved = local_folder(file.addresses, mirror, target) if corpus.format == "columns" else None
        if saved:
            found |= {f"{file.name}/{part.name}": sha256_of(part) for part in parts_of(saved)}
        elif here := local_file(file.addresses, mirror, target):
            found[file.name] = sha256_of(here)
        elif before.get("addresses", {}).get(file.name) == file.addresses:
            taken: Digests = before["sha256"]
            found |= {name: digest for name, digest in taken.items() if name.partition("/")[0] == file.name}
    return found


def _module(name: str) -> Digests:
    """The file of a module, looked for as training does: of one that it will not find there is none.

    The packages that the module lies in are imported, the module is not.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = find_spec(name)
    except Exception:  # whatever a package does as it is imported; training says it, with the setting's name
        return {}
    file = Path(found.origin) if found and found.origin else None
    return {file.name: sha256_of(file)} if file and file.is_file() else {}
