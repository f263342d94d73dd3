"""What is found of one thing that a release states."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from terna.release.links import Fault

PROVED = "proved"
DIFFERS = "differs"
TRUSTED = "taken on trust"


@dataclass(frozen=True)
class Finding:
    """One thing that a release states, and whether it is so."""

    verdict: str
    """PROVED, DIFFERS or TRUSTED."""
    what: str
    """The stage and file, the setting or the figure."""
    told: str
    """By which check, what else was found, or why it is taken on trust."""
    expected: Any = None
    """What the release states, or what follows from what it states."""
    found: Any = None
    """What is there instead."""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.what}: {self.told}"


def proved(what: str, told: str) -> Finding:
    """What is as the release states it."""
    return Finding(PROVED, what, told)


def trusted(what: str, told: str) -> Finding:
    """What was not computed again."""
    return Finding(TRUSTED, what, told)


def differs(what: str, expected: Any, found: Any, note: str = "") -> Finding:
    """What is otherwise than the release states."""
    return Finding(DIFFERS, what, f"expected {_shown(expected)}, found {_shown(found)}{note}", expected, found)


def faulty(faults: Iterable[Fault]) -> Iterator[Finding]:
    """A finding for each fault of a link."""
    for one in faults:
        yield Finding(DIFFERS, f"{one.stage}: {one.what}", one.told, one.expected, one.found)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
