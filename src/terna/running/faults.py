"""What can happen to a stage or command becomes one sentence, with the remedy, and an exit status."""

import errno
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
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        message = f"OSError: {where}{error.strerror or error}; {'free some space' if full else 'mend that'}, {AGAIN}"
    except SafetensorError as error:  # a full disk too, as it writes weights
        message = f"SafetensorError: {error}; mend that, {AGAIN}"
    except MemoryError:
        message = f"MemoryError: more memory is needed than there is; end other programs, {AGAIN}"
    except KeyboardInterrupt:
        message, status = "stopped by Ctrl-C; the same command runs the stage again", INTERRUPTED
    except Terminated:
        message, status = "stopped by SIGTERM; the same command runs the stage again", TERMINATED
    print(message, file=sys.stderr)
    sys.exit(status)
