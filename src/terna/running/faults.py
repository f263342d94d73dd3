"""What can happen to a stage or command becomes one sentence, with the remedy, and an exit status."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from terna.errors import TernaError
from terna.running import streams
from terna.running.signals import INTERRUPTED, TERMINATED, Terminated, terminable

AGAIN = "then run the same command again"
# after a word that a script does not know
SHOWN = "--help shows what can be given"


@contextmanager
def told() -> Iterator[None]:
    """What terna refuses, and what the machine has no room for, becomes a message and status 1.

    Ctrl-C ends in status 130, SIGTERM in 143.
    """
    status = 1
    try:
        with terminable(), streams.named():
            yield
        return
    except TernaError as error:
        message = f"{type(error).__name__}: {error}"
    except shutil.Error as error:  # an OSError too, of a folder that is copied
        message = f"OSError: {_uncopied(error)}, {AGAIN}"
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"OSError: {where}{error.strerror or error}; {_remedy(error.errno)}, {AGAIN}"
    except SafetensorError as error:  # a full disk too, as it writes weights
        message = f"SafetensorError: {error}; remove the cause, {AGAIN}"
    except MemoryError:
        message = f"MemoryError: not enough memory; end other programs, {AGAIN}"
    except KeyboardInterrupt:
        message, status = "stopped by Ctrl-C; the same command runs the stage again", INTERRUPTED
    except Terminated:
        message, status = "stopped by SIGTERM; the same command runs the stage again", TERMINATED
    print(message, file=sys.stderr)
    sys.exit(status)


def _uncopied(error: shutil.Error) -> str:
    """The first of the files that could not be copied, where it was to go, why, and the remedy."""
    faults = error.args[0]
    source, target, reason = faults[0]
    number = re.match(r"\[Errno (\d+)\]", reason)  # shutil has it in words alone
    code = int(number[1]) if number else None
    others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{source}{others}, copied to {target}: {reason if code is None else os.strerror(code)}; {_remedy(code)}"


def _remedy(code: int | None) -> str:
    return "free some space" if code in (errno.ENOSPC, errno.EDQUOT) else "remove the cause"
