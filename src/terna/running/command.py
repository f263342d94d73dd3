"""What turns a function that takes no settings into a command of pipelines/: words in, exit status out."""

import functools
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

from terna.errors import SettingsError
from terna.running import lock
from terna.running.faults import SHOWN, told
from terna.running.process import read_env
from terna.running.streams import say


def command(task: Callable[[], str | None]) -> Callable[[], None]:
    """Make `task` a command without words but `--help`: run at the project's root, then exit status 0 or 1.

    What the task returns, what it did in one line, is printed after the script's name.
    """
    return _command(task, lambda _: task(), lambda _: None, alone=False)


def alone(task: Callable[[], str | None]) -> Callable[[], None]:
    """A command that reads what several stages wrote, and so runs while none of them does."""
    return _command(task, lambda _: task(), lambda _: None, alone=True)


def worded(
    arguments: Callable[[ArgumentParser], None], *, alone: bool = False
) -> Callable[[Callable[[Namespace], str | None]], Callable[[], None]]:
    """A command whose words are those that `arguments` adds to a parser."""
    return lambda task: _command(task, task, arguments, alone=alone)


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse words as settings are refused."""
        raise SettingsError([f"{message}; {SHOWN}"])


def _command(
    named: Callable[..., str | None],
    task: Callable[[Namespace], str | None],
    arguments: Callable[[ArgumentParser], None],
    *,
    alone: bool,
) -> Callable[[], None]:
    """`named`: the function of the script, whose module's docstring is the help."""

    @functools.wraps(named)
    def run() -> None:
        script = Path(sys.argv[0]).resolve()
        os.chdir(script.parent.parent)
        with told():
            read_env(Path.cwd())
            parser = _Parser(
                prog=f"python pipelines/{script.name}",
                description=sys.modules[named.__module__].__doc__,
                formatter_class=RawDescriptionHelpFormatter,
            )
            arguments(parser)
            given = parser.parse_args()
            with lock.held(Path.cwd()) if alone else nullcontext():
                said = task(given)
            say(script, said)

    return run
