"""How a stage or command runs: settings in, exit status out; sweeps and hyperparameter search.

Programs import this room first: from then on Ctrl-C is one sentence and status 130, while other imports take seconds.
Every other exception goes to the hook that was set before.
"""

import sys
from types import TracebackType

from terna.running.signals import INTERRUPTED

_before = sys.excepthook


def _interrupted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("stopped by Ctrl-C before anything was done; run the same command again", file=sys.stderr)
        sys.exit(INTERRUPTED)
    _before(kind, error, trace)


sys.excepthook = _interrupted
