"""What the words of the command say of each file."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from terna.data.download.folder import overlooked
from terna.errors import DataError
from terna.serving.new.looking import Looked, look
from terna.serving.new.shapes import CALLED, MEANINGS, Meaning, Taken, take
from terna.settings import File

# text files of a folder that are read as one corpus
MOST = 1000


@dataclass
class Source:
    """What was given: a file or folder, the data files that it stands for, and what was said of it."""

    path: Path
    files: list[Path]
    shape: str | None = None
    columns: dict[str, list[str | int]] = field(default_factory=dict)
    labels: dict[str, Meaning] = field(default_factory=dict)

    def look(self) -> Looked:
        """What is in the first of its files; DataError for one that is not there, or that no declaration can name."""
        if not self.path.exists():
            raise DataError(f"{self.path}: no such file")
        if passed := overlooked(self.path):
            raise DataError(f"{passed}: not read, of a folder {self.path.name}/*.txt alone is; move or rename it")
        if len(self.files) > MOST:
            raise DataError(f"{self.path}: {len(self.files)} text files, more than {MOST}; join some of them")
        for path in self.files:
            if path.name.startswith(".") or not _addressed(path):
                raise DataError(f"{path}: no declaration can have this name; rename it to letters, digits, - and _")
        placed = any(isinstance(column, int) for each in self.columns.values() for column in each)
        return look(self.files[0], header=False if placed else None)

    def take(self, looked: Looked, *, test: bool) -> Taken:
        """What it is taken for: see `take`."""
        taken = take(looked, self.shape, self.columns, self.labels, test=test)
        if len(self.files) > 1 and taken.shape != "texts":
            raise DataError(f"{self.path}: {CALLED[taken.shape]} are read from one file, not from a folder of texts")
        return taken


def sources(asked: Namespace) -> list[list[Source]]:
    """What was given to train on, to test on and for development; DataError for a word that fits none of them."""
    groups = [[Source(path, _files(path)) for path in paths] for paths in (asked.files, asked.test, asked.dev)]
    every = [source for group in groups for source in group]
    paths = [source.path for source in every]
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise DataError(f"{twice[0]}: given twice; give it once, after --test if it is a test")
    for words in asked.shape:
        source, rest = _of(every, words, "--shape")
        if len(rest) > 1 or rest[0] not in CALLED:
            raise DataError(f"--shape {' '.join(words)}: expected one of {', '.join(CALLED)}")
        source.shape = rest[0]
    for words in asked.columns:
        source, rest = _of(every, words, "--columns")
        for word in rest:
            name, _, column = word.partition("=")
            if not name or not column:
                raise DataError(f"--columns {word}: expected FIELD=COLUMN, such as anchor=question")
            place = source.path.suffix.lower() in (".csv", ".tsv") and column.isdecimal()
            source.columns.setdefault(name, []).append(int(column) if place else column)
    for words in asked.labels:
        source, rest = _of(every, words, "--labels")
        for word in rest:
            label, meaning = _labelled(word)
            if label in source.labels:
                raise DataError(f"--labels {word}: {label} has two meanings; give it one")
            source.labels[label] = meaning
    return groups


def _labelled(word: str) -> tuple[str, Meaning]:
    """A label, in no case, and what it means; a label may contain the sign `=`."""
    label, _, meaning = word.rpartition("=")
    allowed = {str(one) if one is not None else "null": one for each in MEANINGS.values() for one in each}
    if not label.strip() or meaning not in allowed:
        raise DataError(f"--labels {word}: expected WORD=MEANING, with a meaning of {', '.join(allowed)}")
    return label.strip().casefold(), allowed[meaning]


def _files(path: Path) -> list[Path]:
    """The data files: of a folder of texts each of them, of one that `datasets` saved the folder itself."""
    return (sorted(path.glob("*.txt")) if path.is_dir() else []) or [path]


def _addressed(path: Path) -> bool:
    """Whether the last part of its address is its name."""
    try:
        return File(addresses=[path.as_posix()]).name == path.name
    except ValueError:
        return False


def _of(every: Sequence[Source], words: Sequence[str], option: str) -> tuple[Source, list[str]]:
    """The file that an option's words are on, which they begin with where there are several, and the other words."""
    named = next((source for source in every if source.path == Path(words[0])), None)
    source = named or (every[0] if len(every) == 1 else None)
    rest = [*words[1:]] if named else [*words]
    if source is None or not rest:
        raise DataError(
            f"{option} {' '.join(words)}: it names no file; write {option} FILE {' '.join(rest or ['...'])}"
        )
    return source, rest
