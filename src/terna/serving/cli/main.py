"""From words at a shell to a command, and back to an exit status."""

import os
import sys
from collections.abc import Sequence

from terna.errors import TernaError
from terna.running.process import settle
from terna.serving.cli.arguments import parser


def main(words: Sequence[str]) -> int:
    """Run a command; returns the exit status."""
    asked = parser().parse_args(words)
    try:
        settle()
        # torch takes seconds to import: arguments are sound by now
        from terna.serving.cli import commands

        getattr(commands, asked.command)(asked)
    except TernaError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
