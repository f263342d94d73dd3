"""What the release says of itself: signature, commit, records, settings and files, each against the others."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import terna
from terna.records import json_text
from terna.release import origin
from terna.release.card import passage
from terna.release.lineage import CARD, FIGURES, LINEAGE, RELEASE, VERDICTS, Link, Record
from terna.release.links import Fault, changed, copy_of, misfits, own, unlike
from terna.release.prove.declared import undeclared
from terna.release.prove.finding import Finding, differs, faulty, proved, trusted
from terna.release.prove.released import Released
from terna.release.signature import SIGNATURE, fault
from terna.settings import Settings

MODEL = "models/encoder/"
# the package that scores and fills the card here; so many of its files are named
RUNNING, SHOWN = Path(terna.__file__).parent, 3
STATED = tuple(field.name for field in fields(Record))


def signature(released: Released, key: Path | None) -> Iterator[Finding]:
    """Whether the release is signed, by the owner of this public key."""
    what = SIGNATURE.name
    if key is None:
        if released.signature:
            yield trusted(what, "not verified; --public-key FILE does it")
    elif released.signature is None:
        yield differs(what, f"a signature of these files by the owner of {key}", None)
    elif reason := fault(released.published(), released.signature, key):
        yield differs(what, f"a signature of these files by the owner of {key}", reason)
    else:
        yield proved(what, f"the owner of {key} signed these files: {len(released.published())}")


def code(released: Released, root: Path) -> Iterator[Finding]:
    """Whether the code at `root` is the release's."""
    lineage, here, edited = released.lineage, origin.commit(root), origin.modified(root)
    if lineage.commit is None:
        yield trusted("code", "the release states no commit")
    elif here != lineage.commit:
        yield differs("code: commit", lineage.commit, here, f"; check it out (git checkout {lineage.commit})")
    elif edited:
        yield differs("code", f"that of commit {here}", f"edited files: {', '.join(edited)}")
    else:
        yield proved("code", f"this is commit {here}")
    if lineage.modified:
        files = ", ".join(lineage.modified)
        yield trusted("code", f"the release was made with changes that are in no commit: {files}")
    if unlike_clone := _running_elsewhere(root):
        note = f"; run it with PYTHONPATH={root / 'src'}"
        yield differs("code: this command", f"that of {root}", f"other files in {RUNNING}: {unlike_clone}", note)


def _running_elsewhere(root: Path) -> str:
    """The files of the code that runs here that are others than the clone's, which the stages run."""
    files = sorted(path for path in RUNNING.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    clone = root / "src" / RUNNING.name
    other = [
        path.relative_to(RUNNING).as_posix() for path in files if not _equal(path, clone / path.relative_to(RUNNING))
    ]
    return ", ".join(other[:SHOWN]) + (f" and {len(other) - SHOWN} more" if len(other) > SHOWN else "")


def _equal(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def chain(released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    """Each link against those before it, its own record, the settings, and the files that came with the release.

    scratch: where these are laid out.
    """
    made: dict[str, tuple[str, str]] = {}
    for link in released.lineage.chain:
        stated = [*_record(link), *unlike([link], settings), *undeclared(link, settings)]
        faults = [*misfits(link, made), *stated, *_carried(link, released, scratch)]
        yield from faulty(faults)
        if not faults:
            yield proved(f"{link.stage}: link", f"it fits the links before it and the settings, {_holds(link)}")
        made |= {path: (digest, link.stage) for path, digest in link.wrote.items()}
    yield from _lacking(released)
    yield from _strange(released)
    yield from _headings(released)


def _holds(link: Link) -> str:
    if link.stage == RELEASE:
        return "and its files have their sha256"
    return "and its record has its sha256" if link.record else "and its files the sha256 that its declaration accepts"


def _record(link: Link) -> Iterator[Fault]:
    """The record, whose content the link repeats, has the digest that the link gives it."""
    for path, expected in link.record.items():
        content = json_text({name: getattr(link, name) for name in STATED})
        if (found := hashlib.sha256(content.encode()).hexdigest()) != expected:
            told = f"{path} would have sha256 {found} with what the link says, expected {expected}"
            yield Fault(link.stage, path, expected, found, told, "")


def _carried(link: Link, released: Released, scratch: Path) -> Iterator[Fault]:
    """The files of the release that are not as the release stage wrote them."""
    for path, expected in own(link).items() if link.stage == RELEASE else ():
        if not (released.is_repository and Path(path) == CARD):
            yield from changed(link.stage, scratch, path, expected)


def _lacking(released: Released) -> Iterator[Finding]:
    """What every release holds, and this one's chain leaves out: cards, comparison, figures, and the encoder's files.

    The release stage leaves no record, so the links of the stages that wrote these say which there are.
    """
    wrote, read = released.links[RELEASE].wrote, released.links[RELEASE].read
    for path in (CARD.as_posix(), f"{RELEASE}/encoder/README.md", f"{RELEASE}/encoder/{VERDICTS}"):
        if path not in wrote:
            yield differs(f"{RELEASE}: {path}", "a file of the release", None)
    for stage in ("train", "evaluate"):
        goes = [path for path in released.links[stage].wrote if path.startswith(MODEL) or Path(path) in FIGURES]
        for path in (path for path in goes if path not in read):
            yield differs(f"{RELEASE}: {copy_of(path)}", f"a copy of {path}, which {stage} wrote", None)


def _strange(released: Released) -> Iterator[Finding]:
    known = {*released.links[RELEASE].wrote, LINEAGE.as_posix()}
    for path in sorted(set(released.files) - known):
        yield differs(f"{RELEASE}: {path}", None, "a file that no stage wrote")


def _headings(released: Released) -> Iterator[Finding]:
    """What the lineage says of all links together."""
    lineage, train = released.lineage, released.links["train"]
    content = released.files[LINEAGE.as_posix()].read_bytes().decode(errors="replace")
    stated = {
        "name": (lineage.settings["release"]["name"], lineage.name),
        "machine": (f"{train.machine}, threads {train.threads}", lineage.machine),
        "packages": (train.packages, lineage.packages),
    }
    for key, (expected, found) in stated.items():
        if expected != found:
            yield differs(f"{LINEAGE}: {key}", expected, found)
    if content != json_text(asdict(lineage)):
        yield differs(str(LINEAGE), "the text that the release stage writes", "another one with the same values")
    for path in (CARD.as_posix(), f"{RELEASE}/encoder/README.md"):
        card = released.files.get(path)
        if card and passage("circumstances", {"lineage": lineage}) not in card.read_text(encoding="utf-8"):
            yield differs(f"{path}: Lineage", "commit, machine and packages of the lineage", "others")
