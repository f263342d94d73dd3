"""A local folder of .txt files, or one that `datasets.save_to_disk` wrote → its copy, with a digest of each file."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from terna.errors import DownloadError
from terna.records import replacing_folder, sha256_of


def local_folder(addresses: Sequence[str], mirror: Path | None, target: Path) -> Path | None:
    """The folder that a file's declaration names, else its copy in the mirror; None where it names none."""
    packed = [mirror / target.parent.name / target.name] if mirror else []
    return next((place for place in [*map(Path, addresses), *packed] if place.is_dir()), None)


def parts_of(folder: Path) -> list[Path]:
    """The files of a folder that count: its .arrow files, or else its .txt files."""
    return sorted(folder.glob("*.arrow")) or sorted(folder.glob("*.txt"))


def overlooked(folder: Path) -> Path | None:
    """A text that nobody reads, in a folder within it or a .TXT; None where there is none, or .arrow files are read."""
    read = set(parts_of(folder))
    if any(path.suffix == ".arrow" for path in read):
        return None
    texts = (path for path in folder.rglob("*") if path.suffix.lower() == ".txt" and path not in read)
    return min((path for path in texts if "/." not in f"/{path.relative_to(folder).as_posix()}"), default=None)


def fetch_folder(source: Path, target: Path, *, exact: bool) -> dict[str, str]:
    """Copy the .arrow files of `source`, or else its .txt files, to `target`; the digest of each by its path.

    Paths are from target's folder. Raises DownloadError for a folder without any, for texts that would be passed over,
    and with exact=True, since no one digest stands for a folder.
    """
    parts = parts_of(source)
    if passed := overlooked(source):
        raise DownloadError(f"{passed}: not read, of a folder {source.name}/*.txt alone is; move or rename it")
    if not parts:
        splits = ", ".join(one.parent.name for one in sorted(source.glob("*/*.arrow")))
        inside = f"it has the splits {splits}; name one of them" if splits else "datasets.save_to_disk writes some"
        raise DownloadError(f"{source}: a folder without .arrow or .txt files; {inside}")
    if exact:
        raise DownloadError(
            f"{source}: a folder, which has no one digest; set exact to false, and what came is recorded"
        )
    with replacing_folder(target) as beside:
        for part in parts:
            shutil.copyfile(part, beside / part.name)
    return {f"{target.name}/{part.name}": sha256_of(target / part.name) for part in parts}
