"""What a page shows: its fenced blocks, each with the file that it belongs in or the reason why no test runs it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from terna.serving.new.conf import MARK

FENCE = re.compile(
    r"(?:^<!-- not run by tests: (?P<reason>[^\n]+) -->\n)?"
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"\n]+)")?\n(?P<body>.*?)^```$',
    flags=re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its language, its text, the file that it is to be written to, why no test runs it."""

    language: str
    body: str
    title: str | None
    reason: str | None


def blocks(page: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page in these languages, in order."""
    found = [Block(one["language"], one["body"], one["title"], one["reason"]) for one in FENCE.finditer(page)]
    return [block for block in found if block.language in languages]


def programs(page: str) -> list[str]:
    """The Python programs that a page shows."""
    return [block.body for block in blocks(page, "python")]


def commands(page: str) -> Iterator[str]:
    """The commands that a page's shell blocks show, without comments; a line that continues behind \\ is one."""
    for block in blocks(page, "sh"):
        for line in block.body.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield shlex.join(words)


def overrides(command: str) -> list[str]:
    """What a command of DVC composes again with: what follows each -S."""
    words = shlex.split(command)
    return [words[place + 1] for place, word in enumerate(words) if word == "-S"]


def section(page: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    return page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def made_here(experiment: Path) -> bool:
    """Whether the pages tell of an experiment: neither the default nor one that `python -m terna new` wrote."""
    return experiment.stem != "sample" and MARK not in experiment.read_text(encoding="utf-8")
