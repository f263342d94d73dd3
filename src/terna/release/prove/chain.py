"""What the release says of itself: signature, commit, records, settings and files, each against the others."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

from terna.records import json_text
from terna.release import origin
from terna.release.card import passage
from terna.release.lineage import CARD, LINEAGE, RELEASE, Link, Record
from terna.release.links import Fault, changed, misfits, own, unlike
from terna.release.prove.finding import Finding, differs, faulty, proved, trusted
from terna.release.prove.released import Released
from terna.release.signature import SIGNATURE, fault
from terna.settings import Settings

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


def chain(released: Released, settings: Settings, scratch: Path) -> Iterator[Finding]:
    """Each link against those before it, its own record, the settings, and the files that came with the release.

    scratch: where these are laid out.
    """
    made: dict[str, tuple[str, str]] = {}
    for link in released.lineage.chain:
        faults = [*misfits(link, made), *_record(link), *unlike([link], settings), *_carried(link, released, scratch)]
        yield from faulty(faults)
        if not faults:
            yield proved(f"{link.stage}: link", f"it fits the links before it and the settings, {_holds(link)}")
        made |= {path: (digest, link.stage) for path, digest in link.wrote.items()}
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
