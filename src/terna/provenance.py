"""What a stage read and what it wrote, as a record beside its output.

Every stage depends on this module: what puts the records together, and what checks them, stands apart, so that a
change there repeats no training.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from terna.errors import DataError
from terna.records import sha256_of, write_json

NAME = "made.json"


def record(stage: str, read: Iterable[Path], wrote: Iterable[Path], path: Path) -> None:
    """Write to `path` what `stage` read and wrote: call it last, since a record says that the stage came to its end.

    A folder stands for the files in it. Paths are from the project's root. Raises DataError for one that is not there.
    """
    write_json({"stage": stage, "read": digests(read), "wrote": digests(wrote)}, path)


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of each file, sorted by path; a folder stands for its files, but for hidden ones and records."""
    files = {file.as_posix(): file for path in paths for file in _files(path)}
    return {name: sha256_of(files[name]) for name in sorted(files)}


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for file in path.rglob("*"):
            inside = file.relative_to(path)
            if file.is_file() and file.name != NAME and not any(part.startswith(".") for part in inside.parts):
                yield file
    else:
        raise DataError(f"{path}: not there; run the stage that writes it (dvc repro)")
