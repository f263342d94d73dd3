"""A release as it came: a folder of a run, or a repository of the hub."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from terna.encoder.hub import fetched
from terna.errors import DataError
from terna.release.eval_results import FOLDER as EVAL_RESULTS
from terna.release.hub import on_hub
from terna.release.lineage import CARD, LINEAGE, RELEASE, Lineage, Link, read_lineage
from terna.release.signature import SIGNATURE
from terna.settings import is_hub_name

CHAIN = LINEAGE.name
# what a release on the hub has besides an encoder's files
ALSO = ("README.md", SIGNATURE.name, f"{EVAL_RESULTS}/*.yaml")
# written by the hub and by systems, not by a release
FOREIGN = (".gitattributes", ".DS_Store")


@dataclass(frozen=True)
class Released:
    """A release: its files by the paths that the chain gives them, release/…, and the signature if there is one.

    is_repository: whether they lie as on the hub, with the card once.
    """

    where: str
    files: dict[str, Path]
    signature: Path | None
    is_repository: bool

    @cached_property
    def lineage(self) -> Lineage:
        """What its lineage.json holds; DataError as `read_lineage` raises it."""
        return read_lineage(self.files[LINEAGE.as_posix()])

    @property
    def links(self) -> dict[str, Link]:
        """The links of the chain by stage."""
        return {link.stage: link for link in self.lineage.chain}

    def published(self) -> dict[str, Path]:
        """The files by their paths on the hub, where the encoder's lie at the root: what is signed."""
        return {on_hub(Path(path)): file for path, file in self.files.items() if path != f"{RELEASE}/README.md"}


def read_released(where: str) -> Released:
    """A release/ folder, the release/encoder/ in one, a copy of a repository, or a hub name with @ and a revision.

    Raises DataError where there is no lineage.json, and ModelError where the hub has no such repository.
    """
    folder = Path(where)
    name, _, revision = where.rpartition("@")
    if not folder.is_dir() and name and is_hub_name(name):
        folder = fetched(name, revision, ALSO)
    if (folder / CHAIN).is_file() and not (folder / "encoder").is_dir():
        return Released(where, dict(_repository(folder)), _signature(folder), True)
    if not (folder / CHAIN).is_file() and (folder.parent / CHAIN).is_file():
        folder = folder.parent
    if not (folder / CHAIN).is_file():
        raise DataError(
            f"{where}: no {CHAIN} in it or beside it; give release/ as the pipeline writes it, a copy of a repository "
            "of the hub, or owner/name@revision"
        )
    files = {f"{RELEASE}/{name}": path for name, path in _files(folder)}
    return Released(where, files, _signature(folder) or _signature(folder.absolute().parent), False)


def _repository(folder: Path) -> Iterator[tuple[str, Path]]:
    link = next(link for link in read_lineage(folder / CHAIN).chain if link.stage == RELEASE)
    places = {on_hub(Path(path)): path for path in [*link.wrote, LINEAGE.as_posix()] if Path(path) != CARD}
    for name, path in _files(folder):
        yield places.get(name, f"{RELEASE}/encoder/{name}"), path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        # the hub's client keeps notes in .cache
        apart = inside.parts[0] in (".cache", ".git") or inside.name in FOREIGN or inside == SIGNATURE
        if path.is_file() and not apart:
            yield inside.as_posix(), path.absolute()


def _signature(folder: Path) -> Path | None:
    path = folder / SIGNATURE
    return path if path.is_file() else None
