"""What a page shows: its fenced blocks, and the commands in them, one by one."""

import re
import shlex
from collections.abc import Iterator

FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language, in order."""
    return [body for kind, body in FENCE.findall(page) if kind == language]


def commands(page: str) -> list[str]:
    """The shell's commands that a page shows, in order, each on a line of its own; comments are left out."""
    lines = [line for block in blocks(page, "sh") for line in _joined(block)]
    return [command for line in lines if (command := _bare(line))]


def overrides(command: str) -> list[str]:
    """What -S gives in a command of DVC."""
    words = shlex.split(command)
    return [words[place + 1] for place, word in enumerate(words) if word == "-S"]


def section(page: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    return page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def _joined(block: str) -> Iterator[str]:
    yield from block.replace("\\\n", "").splitlines()


def _bare(line: str) -> str:
    return re.sub(r"(^|\s+)#(?=\s).*$", "", line).strip()
