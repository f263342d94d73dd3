"""The chain against what lies on the disk: it holds, or everything that broke is named, the first link first."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from terna.errors import DataError, TernaError
from terna.provenance import NAME, SETTINGS, chosen
from terna.records import json_text, sha256_of
from terna.release.card import passage
from terna.release.lineage import (
    CARD,
    LINEAGE,
    PAGE,
    RELEASE,
    REPORT,
    Lineage,
    Link,
    Record,
    collect,
    fingerprint,
    recorded,
    relevant,
)
from terna.release.links import AGAIN, REMAKE, changed, differences, misfits, own, unlike
from terna.settings import Settings, load, published

REPORT_AGAIN = "run its stage again (dvc repro -s -f report)"
# without parallel corpora the stage that fetches them leaves it so
MAY_BE_EMPTY = (Path("data/raw/parallel"),)
# the folders that stages write into
OUTPUTS = ("data", "models", "metrics", "plots", "predictions", "release", "reports")


def check(
    links: Sequence[Link],
    root: Path,
    progress: bool = True,
    known: Mapping[str, str] = {},
    others: Iterable[str] = (),
    only: Collection[str] | None = None,
) -> Iterator[str]:
    """Go through the links in order, every file's sha256 computed again, and yield a line for each that holds.

    root: the project's. known: digests of files that may be read and that no link wrote. others: faults found before.
    only: the files that are looked at, by default all. Raises DataError at the end with every fault, those of the first
    link that broke first: file, digest found, digest expected; also when all the files of a link are absent, since what
    is not there cannot be said to hold.
    """
    made = {path: (digest, RELEASE) for path, digest in known.items()}
    absent, faults = list[str](), list[str]()
    present = [root / path for link in links for path in own(link, only) if (root / path).is_file()]
    total = sum(path.stat().st_size for path in present)
    with tqdm(total=total, unit="B", unit_scale=True, desc="sha256", disable=None if progress else True) as bar:
        for link in links:
            found = misfits(link, made)
            here = only is not None or any((root / path).is_file() for path in own(link))
            for path, expected in own(link, only).items() if here else ():
                found += changed(link.stage, root, path, expected)
                bar.update((root / path).stat().st_size if (root / path).is_file() else 0)
            if not here:
                absent.append(link.stage)
                yield f"{link.stage}: not here, {_files(link)}"
            elif not found:
                yield f"{link.stage}: holds, {_files(link)}"
            faults += map(str, found)
            made |= {path: (digest, link.stage) for path, digest in link.wrote.items()}
    faults += others
    if absent:
        faults.append(
            f"nothing that {', '.join(absent)} wrote is here, so those links cannot be checked. "
            "Bring the files (dvc pull, dvc checkout) or make them (dvc repro)"
        )
    if faults:
        raise DataError("\n".join(faults))


def sources(links: Sequence[Link], settings: Settings, paths: Iterable[Path], others: Iterable[str] = ()) -> None:
    """Raise DataError unless each of the `paths` is as its stage wrote it, by links that fit each other and `settings`.

    For what shows figures, before it reads them. others: faults found before.
    """
    read = {path.as_posix() for path in paths}
    strange = sorted(read - {path for link in links for path in own(link)})
    faults = [*others, *disagreements(links, settings), *(f"{path}: no stage wrote it; {AGAIN}" for path in strange)]
    list(check(links, Path(), progress=False, others=faults, only=read))


def whole(lineage: Lineage, settings: Settings, root: Path) -> Iterator[str]:
    """As `check`, over every file that the run left: the links, the report, the lineage itself, and what is added.

    settings: those of params.yaml, for where it runs and is logged alone. Raises DataError with every fault.
    """
    links, faults = [*lineage.chain], list[str]()
    if (root / REPORT / NAME).is_file():
        links.append(recorded(REPORT / NAME))
        faults += _report(links[-1], lineage, root)
    elif (root / PAGE).is_file():
        faults.append(f"report: {REPORT / NAME} is not there; {REPORT_AGAIN}")
    else:
        links.append(Link(stage="report", read={}, wrote={}))
    faults += [*told(lineage, settings, root), *unexpected(links, root)]
    known = {LINEAGE.as_posix(): sha256_of(root / LINEAGE)}
    return check(links, root, known=known, others=faults)


def told(lineage: Lineage, settings: Settings, root: Path) -> Iterator[str]:
    """What the lineage says otherwise than the records that it is made of; nothing where they are not here."""
    if _text(root / LINEAGE) != json_text(asdict(lineage)):
        yield f"{LINEAGE}: not as the release stage writes it; {REMAKE}"
    # the commit stands in no record
    if (root / CARD).is_file() and passage("circumstances", {"lineage": lineage}) not in _text(root / CARD):
        yield f"{LINEAGE}: commit, machine and packages are not those that {CARD} states; {REMAKE}"
    records = [path for link in lineage.chain for path in link.record] or [LINEAGE.as_posix()]
    if not all((root / path).is_file() for path in records):
        return
    try:
        stated = load({**asdict(settings), **lineage.settings}, checked=True)
        expected = collect(stated)
    except TernaError as error:
        yield f"{LINEAGE}: its settings and records do not fit ({error}); {REMAKE}"
        return
    for key, one, other in differences(_checked(lineage), _checked(expected)):
        yield f"{LINEAGE}: {key} is {one!r}, expected {other!r}, as the records have it; {REMAKE}"
    for line in disagreements(expected.chain, stated):
        yield f"{LINEAGE}: {line}"


def agree(links: Sequence[Link], settings: Settings) -> None:
    """Raise DataError, with each key, when a stage ran with other settings than these."""
    if faults := list(disagreements(links, settings)):
        raise DataError("\n".join(faults))


def disagreements(links: Sequence[Link], settings: Settings) -> Iterator[str]:
    """Each setting that a stage ran with and that is another one here."""
    return map(str, unlike(links, settings))


def unreleased(lineage: Lineage, settings: Settings) -> Iterator[str]:
    """Each setting that the report shows and that is another one here than at the release."""
    for key, then, now in differences(_shown(lineage), chosen("report", settings)):
        yield f"{RELEASE}: it ran with {key} = {then!r}, but the settings here say {now!r}; {AGAIN}"


def unexpected(links: Sequence[Link], root: Path) -> Iterator[str]:
    """Each file in a folder of outputs that no stage wrote, and each folder without a file.

    Folders there that are no output are passed over.
    """
    known = {path for link in links for path in own(link)} | {
        path.as_posix() for path in (LINEAGE, REPORT / NAME, PAGE)
    }
    released = any(link.stage == RELEASE for link in links)
    # before it, those hold what an earlier run left
    for folder in OUTPUTS if released else OUTPUTS[:-2]:
        for place, folders, files in os.walk(root / folder):
            here = Path(place).relative_to(root)
            links_of = [name for name in folders if (Path(place) / name).is_symlink()]
            folders[:] = [name for name in folders if not _apart(here / name, known, root)]
            empty = [name for name in folders if _empty(Path(place) / name) and here / name not in MAY_BE_EMPTY]
            for name in sorted([*files, *links_of, *empty]):
                if (path := (here / name).as_posix()) not in known:
                    yield f"{path}: no stage wrote it; remove it, or keep it elsewhere"


def notices(lineage: Lineage, settings: Settings, commit: str | None) -> Iterator[str]:
    """What is no longer as it was at the release, and breaks no link: the commit, the settings."""
    if commit != lineage.commit:
        yield f"the commit is now {commit or 'unknown'}; the release was made at {lineage.commit or 'an unknown one'}"
    if lineage.modified:
        first, others = ", ".join(lineage.modified[:3]), len(lineage.modified) - 3
        more = f" and {others} more" if others > 0 else ""
        yield f"the release was made with changes that are in no commit: {first}{more}"
    now = relevant(published(settings))
    groups = [group for group in now if now[group] != lineage.settings.get(group)]
    if groups:
        yield f"params.yaml now says other things than at the release, under {', '.join(groups)}"


def _files(link: Link) -> str:
    number = len(own(link))
    return f"{number} file{'s' * (number != 1)}"


def _apart(folder: Path, known: Iterable[str], root: Path) -> bool:
    """Whether a folder is no link's: work files, digests of local files, another encoder, a corpus of another mix."""
    fetched = (
        folder.parts[:2] == ("data", "raw") and len(folder.parts) == 4 and (root / folder / "fetched.json").is_file()
    )
    other = folder.parent == Path("models") or folder in (Path("data/work"), Path("data/local")) or fetched
    return other and not any(path.startswith(f"{folder.as_posix()}/") for path in known)


def _empty(folder: Path) -> bool:
    """Whether a folder is none that a link of the file system leads to, and holds nothing."""
    return not folder.is_symlink() and not any(folder.iterdir())


def _report(link: Link, lineage: Lineage, root: Path) -> Iterator[str]:
    """What is wrong with the report's record: no other record has its digest, but its page has its fingerprint."""
    stated = {field.name: getattr(link, field.name) for field in fields(Record)}
    wrote = {PAGE.as_posix(): stated.pop("wrote").get(PAGE.as_posix())}
    canonical = _text(root / REPORT / NAME) == json_text({**stated, "wrote": wrote})
    if not canonical or ((root / PAGE).is_file() and fingerprint(stated) not in _text(root / PAGE)):
        yield f"{REPORT / NAME}: not as the report stage writes it; {REPORT_AGAIN}"
    for key, ran, then in differences(link.settings, _shown(lineage)):
        yield f"{REPORT / NAME}: it ran with {key} = {ran!r}, but the release with {then!r}; {REPORT_AGAIN}"


def _shown(lineage: Lineage) -> dict[str, Any]:
    """The settings of the release that the report shows."""
    return {key: lineage.settings.get(key) for key in SETTINGS["report"]}


def _text(path: Path) -> str:
    """The text of a file as it lies there, with its line ends, also where somebody broke it."""
    return path.read_bytes().decode(errors="replace")


def _checked(lineage: Lineage) -> dict[str, Any]:
    """The fields that follow from records and settings, each link of a stage by its name."""
    fields = asdict(lineage)
    chain = {link.pop("stage"): link for link in fields.pop("chain")}
    return {key: fields[key] for key in ("name", "machine", "packages", "settings")} | {
        "chain": {stage: link for stage, link in chain.items() if stage != RELEASE}
    }
