"""The chain against what lies on the disk: it holds, or the first link that broke is named."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from terna.errors import DataError
from terna.records import sha256_of
from terna.release.lineage import RELEASE, Lineage, Link, relevant
from terna.settings import Settings

AGAIN = "run the pipeline again (dvc repro)"


def check(links: Sequence[Link], root: Path, progress: bool = True) -> Iterator[str]:
    """Go through the links in order, every file's sha256 computed anew, and yield a line for each that holds.

    root: the project's. Raises DataError at the first link that broke, with file, digest found and digest expected;
    and at the end when all the files of a link are absent, since what is not there cannot be said to hold.
    """
    made: dict[str, tuple[str, str]] = {}
    absent = []
    present = [root / path for link in links for path in link.wrote if (root / path).is_file()]
    total = sum(path.stat().st_size for path in present)
    with tqdm(total=total, unit="B", unit_scale=True, desc="sha256", disable=None if progress else True) as bar:
        for link in links:
            _check_accepted(link)
            _check_read(link, made)
            _check_copies(link)
            if any((root / path).is_file() for path in link.wrote):
                for path, expected in link.wrote.items():
                    bar.update(_check_file(link.stage, root, path, expected))
                yield f"{link.stage}: holds, files {len(link.wrote)}"
            else:
                absent.append(link.stage)
                yield f"{link.stage}: not here, files {len(link.wrote)}"
            made |= {path: (digest, link.stage) for path, digest in link.wrote.items()}
    if absent:
        raise DataError(
            f"nothing that {', '.join(absent)} wrote is here, so those links cannot be checked; the others hold. "
            "Bring the files (dvc pull, dvc checkout) or make them (dvc repro)"
        )


def notices(lineage: Lineage, settings: Settings, commit: str | None) -> Iterator[str]:
    """What is no longer as it was at the release, and breaks no link: the commit, the settings."""
    if commit != lineage.commit:
        yield f"the commit is now {commit or 'unknown'}; the release was made at {lineage.commit or 'an unknown one'}"
    if lineage.modified:
        first, others = ", ".join(lineage.modified[:3]), len(lineage.modified) - 3
        more = f" and {others} more" if others > 0 else ""
        yield f"the release was made with changes that are in no commit: {first}{more}"
    now = relevant(settings)
    groups = [group for group in now if now[group] != lineage.settings.get(group)]
    if groups:
        yield f"params.yaml now says other things than at the release, under {', '.join(groups)}"


def _check_accepted(link: Link) -> None:
    maker = "parallel" if link.stage.startswith("parallel@") else link.stage  # one stage for all of its corpora
    for path, accepted in link.accepted.items():
        found = link.wrote.get(path)
        if found not in accepted:
            raise DataError(
                f"{link.stage}: {path} came with sha256 {found}, expected {' or '.join(accepted)}, as its declaration "
                f"says; fetch it again (dvc repro -f {maker})"
            )


def _check_read(link: Link, made: Mapping[str, tuple[str, str]]) -> None:
    for path, found in link.read.items():
        if path not in made:
            raise DataError(f"{link.stage}: it read {path}, which no stage before it wrote; {AGAIN}")
        expected, maker = made[path]
        if found != expected:
            raise DataError(
                f"{link.stage}: it read {path} with sha256 {found}, expected {expected}, which {maker} wrote; {AGAIN}"
            )


def _check_copies(link: Link) -> None:
    """What goes out of models/encoder/ is what training wrote there."""
    for path, expected in link.read.items() if link.stage == RELEASE else ():
        if path.startswith("models/"):
            copy = path.replace("models/", "release/", 1)
            if link.wrote.get(copy) != expected:
                raise DataError(
                    f"{link.stage}: {copy} has sha256 {link.wrote.get(copy)}, expected {expected}, that of {path}; "
                    f"make the release anew (dvc repro -f {link.stage})"
                )


def _check_file(stage: str, root: Path, path: str, expected: str) -> int:
    """The size in bytes of a file that is as its stage wrote it."""
    if not (root / path).is_file():
        raise DataError(f"{stage}: {path}, which it wrote with sha256 {expected}, is not there; {AGAIN}")
    found = sha256_of(root / path)
    if found != expected:
        raise DataError(
            f"{stage}: {path} has sha256 {found}, expected {expected}, which it wrote; "
            f"restore it (dvc checkout) or {AGAIN}"
        )
    return (root / path).stat().st_size
