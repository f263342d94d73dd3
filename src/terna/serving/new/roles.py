"""Which file is trained on, and which is scored on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terna.data.corpora.benchmark import MEANT
from terna.errors import DataError
from terna.records import sha256_of
from terna.serving.new.looking import Looked
from terna.serving.new.shapes import SCORED_ON, Taken
from terna.serving.new.words import Source
from terna.settings.benchmark import RANKED


@dataclass(frozen=True)
class Given:
    """A source, what was seen of it, and what it is taken for."""

    source: Source
    looked: Looked
    taken: Taken

    @property
    def files(self) -> dict[str, Any]:
        """Its files in a declaration, with their digests: a file that changes is then noticed. A folder has none."""
        here = [_address(path) for path in self.source.files]
        if self.source.files[0].is_dir():
            return {"files": here, "exact": False}
        digests = [sha256_of(path) for path in self.source.files]
        found = [{"addresses": [path], "sha256": [digest]} for path, digest in zip(here, digests, strict=True)]
        return {"files": found, "exact": True}

    @property
    def scorable(self) -> bool:
        """Whether it could be a benchmark: it has scores, or classes that say yes or no, or are said to."""
        if self.taken.shape != "classed" or self.taken.labels:
            return self.taken.shape in SCORED_ON
        [column] = [column for column in self.looked.columns if column.name == self.taken.columns["class"]]
        return {word.casefold() for word in column.words} <= MEANT.keys()


@dataclass(frozen=True)
class HeldOut:
    """A source that is trained on, and the share of its pairs that are held out."""

    given: Given
    share: float


@dataclass(frozen=True)
class Roles:
    """What is trained on, what is scored on, and what chooses the checkpoint: a part of the test where dev is None.

    held: without a test, what pairs are held out of; without either, the pairs in samples/ choose and test.
    """

    trained: list[Given]
    test: Given | None
    dev: Given | None
    held: HeldOut | None = None


def roles(trained: Sequence[Source], tests: Sequence[Source], dev: Sequence[Source]) -> Roles:
    """The roles of what was given.

    Where no test is named, the one file beside others that could be scored on is it. Raises DataError where several
    could, and where nothing is left to train on.
    """
    if len(tests) not in (0, 1, len(RANKED)) or len(dev) > 1:
        raise DataError(
            f"{len(tests)} files after --test, {len(dev)} after --dev; give one, or, for a search test, three: "
            "documents, queries and relevance"
        )
    given = [_given(source, test=False) for source in trained]
    able = [one for one in given if one.scorable] if len(given) > 1 and not tests else []
    if len(able) > 1:
        paths = " and ".join(str(one.source.path) for one in able)
        raise DataError(
            f"{paths} could each be the test; choose one: --test {able[-1].source.path}. Files without --test or --dev "
            "are trained on, and the file after --dev selects the checkpoint"
        )
    test = _search(tests) if len(tests) > 1 else next((_given(source, test=True) for source in tests), None)
    test = test or next(iter(able), None)
    if dev and test is None:
        raise DataError(f"--dev {dev[0].path}: no test file; give --test FILE too")
    chosen = next((_given(source, test=True) for source in dev), None)
    if test and chosen and test.taken.shape != chosen.taken.shape:
        raise DataError(
            f"{chosen.source.path} is {chosen.taken.shape}, but the test is {test.taken.shape}; give two of one shape"
        )
    return Roles([one for one in given if one not in able], test, chosen)


def _given(source: Source, *, test: bool) -> Given:
    looked = source.look()
    return Given(source, looked, source.take(looked, test=test))


def _search(tests: Sequence[Source]) -> Given:
    """The three files of a search as one benchmark; its columns have the names that the reader finds, or are given."""
    columns = {name: each[0] for source in tests for name, each in source.columns.items()}
    looked = [source.look() for source in tests]
    source = Source(tests[0].path, [source.path for source in tests])
    return Given(source, looked[0], Taken("ranking", columns, why="documents, queries and relevance"))


def _address(path: Path) -> str:
    """The path from the project's root; an absolute one for a file elsewhere."""
    whole, root = path.absolute(), Path.cwd()
    return (whole.relative_to(root) if whole.is_relative_to(root) else whole).as_posix()
