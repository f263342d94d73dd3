"""A link of the chain against the links before it, the settings and the files: each fault, with both values."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terna.provenance import SETTINGS, chosen, flat
from terna.records import sha256_of
from terna.release.lineage import RELEASE, Link
from terna.settings import Settings

AGAIN = "run the pipeline again (dvc repro)"
REMAKE = "make the release again (dvc repro -s -f release)"
# what DVC keeps no copy of
UNCACHED = "metrics/"


@dataclass(frozen=True)
class Fault:
    """What is not as a link says."""

    stage: str
    """The link's."""
    what: str
    """The file's path from the project's root, or the dotted key of a setting."""
    expected: Any
    """What other links, the settings or the declaration say; None where they know nothing of it."""
    found: Any
    """What is there instead; None where nothing is."""
    told: str
    """Both in words."""
    remedy: str
    """What who made the release does about it."""

    def __str__(self) -> str:
        return f"{self.stage}: {self.told}; {self.remedy}"


def misfits(link: Link, made: Mapping[str, tuple[str, str]]) -> list[Fault]:
    """What a link says that does not fit its declaration, or what the links before it say.

    made: of each file that a link before it wrote the sha256 and that link's stage.
    """
    return [*_accepted(link), *_read(link, made), *_copies(link)]


def changed(stage: str, root: Path, path: str, expected: str) -> Iterator[Fault]:
    """Nothing when the file at `path` in `root` is as `stage` wrote it; else that it is another, or is not there."""
    if not (root / path).is_file():
        told = f"{path}, which it wrote with sha256 {expected}, is not there"
        yield Fault(stage, path, expected, None, told, AGAIN)
    elif (found := sha256_of(root / path)) != expected:
        restore = "" if path.startswith(UNCACHED) else "restore it (dvc checkout --force) or "
        told = f"{path} has sha256 {found}, expected {expected}, which it wrote"
        remedy = f"{restore}run its stage again (dvc repro {_maker(stage)})"
        yield Fault(stage, path, expected, found, told, remedy)


def unlike(links: Iterable[Link], settings: Settings) -> Iterator[Fault]:
    """Each setting that a stage ran with and that is another one in `settings`."""
    for link in links:
        if link.stage in SETTINGS:
            for key, ran, now in differences(link.settings, chosen(link.stage, settings)):
                told = f"it ran with {key} = {ran!r}, but the settings here say {now!r}"
                yield Fault(link.stage, key, now, ran, told, AGAIN)


def own(link: Link, only: Collection[str] | None = None) -> dict[str, str]:
    """The files of a link, its record among them; those alone that are in `only`, unless it is None."""
    return {path: digest for path, digest in (link.wrote | link.record).items() if only is None or path in only}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key, with both its values, that two nested mappings differ in; None stands for a key that is not there."""
    first, second = dict(flat(one)), dict(flat(other))
    for key in first | second:
        if first.get(key) != second.get(key):
            yield key, first.get(key), second.get(key)


def copy_of(path: str) -> str:
    """Where the release has its copy of a file of models/ or metrics/."""
    return f"{RELEASE}/{path.removeprefix('models/')}"


def _accepted(link: Link) -> Iterator[Fault]:
    for path, accepted in link.accepted.items():
        found = link.wrote.get(path)
        if found not in accepted:
            either = " or ".join(accepted)
            told = f"{path} came with sha256 {found}, expected {either}, as its declaration says"
            remedy = f"fetch it again (dvc repro -s -f {_maker(link.stage)})"
            yield Fault(link.stage, path, either, found, told, remedy)


def _read(link: Link, made: Mapping[str, tuple[str, str]]) -> Iterator[Fault]:
    for path, found in link.read.items():
        expected, maker = made.get(path, (None, None))
        if maker is None:
            yield Fault(link.stage, path, None, found, f"it read {path}, which no stage before it wrote", AGAIN)
        elif found != expected:
            told = f"it read {path} with sha256 {found}, expected {expected}, which {maker} wrote"
            yield Fault(link.stage, path, expected, found, told, AGAIN)


def _copies(link: Link) -> Iterator[Fault]:
    """What goes out of models/encoder/ and metrics/ is what training and evaluation wrote there."""
    for path, expected in link.read.items() if link.stage == RELEASE else ():
        if path.startswith(("models/", "metrics/")):
            copy = copy_of(path)
            if (found := link.wrote.get(copy)) != expected:
                told = f"{copy} has sha256 {found}, expected {expected}, that of {path}"
                yield Fault(link.stage, copy, expected, found, told, REMAKE)


def _maker(stage: str) -> str:
    """What DVC calls the stage of a link: one stage fetches all parallel corpora."""
    return "parallel" if stage.startswith("parallel@") else stage
