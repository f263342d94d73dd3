"""From words at a shell to a command, and back to an exit status: what can go wrong becomes a sentence here."""

from collections.abc import Sequence

from terna.errors import TernaError
from terna.running.process import settle
from terna.running.signals import INTERRUPTED, TERMINATED, Terminated, ignore_more, terminable
from terna.serving.cli.arguments import parser
from terna.serving.cli.streams import prepare, standard_output, tell

FAILED = 1


def main(words: Sequence[str] | None = None) -> int:
    """Run the command of these words, those of this process if None; returns the exit status."""
    try:
        prepare()
        with terminable():
            _run(words)
    except BrokenPipeError:  # who reads has seen enough
        return 0
    except TernaError as error:
        return _told(FAILED, f"{type(error).__name__}: {error}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _told(
            FAILED, f"{type(error).__name__}: {where}{error.strerror or error}; remove the cause and try again"
        )
    except MemoryError:
        return _told(FAILED, "MemoryError: not enough memory; give a smaller --chunk, or less at once")
    except (KeyboardInterrupt, Terminated) as stop:
        if words is None:  # a process of its own, which ends now
            ignore_more()
        if isinstance(stop, Terminated):
            return _told(TERMINATED, "stopped by SIGTERM; no file is half written")
        return _told(INTERRUPTED, "stopped by Ctrl-C; no file is half written")
    return 0


def _run(words: Sequence[str] | None) -> None:
    try:
        asked = parser().parse_args(words)
    except SystemExit as end:
        if not end.code:  # --help, which may not have been taken yet
            with standard_output():
                pass
        raise
    settle()
    # torch takes seconds to import: arguments are sound by now
    from terna.serving.cli import commands

    getattr(commands, asked.command.replace("-", "_"))(asked)


def _told(status: int, message: str) -> int:
    tell(message)
    return status
