"""Your own files and encoders that the settings name → their digests, by which DVC sees that one was edited."""

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
# what an encoder or a translator is read from
READ = (".json", ".safetensors", ".txt", ".model", ".spm", ".jinja", ".onnx", ".vec", ".gz")

Digests = dict[str, str]


def local_digests(settings: Settings, *, mirror: Path | None) -> dict[str, dict[str, Digests]]:
    """The sha256 of each local file, by what reads it.

    Of `nli`, `sts` and `parallel` by corpus and file; of `losses` by import path and file; of `model`, `teacher`,
    `mine`, `systems` and `translator` by setting and file.
    """
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
    found["losses"] = {path: _module(path.rpartition(".")[0]) for path in losses}
    return found | {
        group: {setting: _encoder(Path(where)) for setting, where in named.items() if where}
        for group, named in _encoders(settings).items()
    }


def _encoders(settings: Settings) -> dict[str, dict[str, str | None]]:
    """What the settings name that may be a folder on this machine, by who reads it and by setting."""
    train, translator = settings.train, settings.translate.model
    distilled, similarities, guide = train.distill, train.similarity_distillation, train.guide
    return {
        "model": {"model.backbone": settings.model.backbone},
        "teacher": {
            "train.distill.teacher": distilled.teacher if distilled else None,
            "train.similarity_distillation.teacher": similarities.teacher if similarities else None,
            "train.guide.encoder": guide.encoder if guide else None,
        },
        "mine": {"mine.encoder": settings.mine.encoder},
        "systems": {f"evaluate.systems.{name}": where for name, where in settings.evaluate.systems.items()},
        "translator": {"translate.model.checkpoint": translator.checkpoint if translator else None},
    }


def _encoder(where: Path) -> Digests:
    """The files of an encoder's folder, or the one file that it is; nothing for one of the hub or of a package."""
    if where.is_file():
        return {where.name: sha256_of(where)}
    inner = sorted(path for path in where.rglob("*") if path.suffix in READ and path.is_file())
    return {path.relative_to(where).as_posix(): sha256_of(path) for path in inner}


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
