"""Scripts run in forks of a process that has imported this project: each saves the seconds of CPU that imports take.

A fork is a process of its own: working folder, arguments, standard output and errors, status. It has the environment
and the hash seed of the process that it comes from, so a script for another environment is started as usual.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from terna.running.process import environment

# how the names begin of what pytest sets for each test, and libraries as they are imported or train
OF_TESTS = ("PYTEST_", "PYTORCH_", "TORCHINDUCTOR_", "KMP_", "CUBLAS_", "PL_")
LONGEST = 300
"""Seconds that a script may take."""


class Warm:
    """The process to fork from, in this environment; it is started when the first script is run."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = _known(env)
        self.process: subprocess.Popen[str] | None = None

    def run(self, env: Mapping[str, str], cwd: Path, words: list[str]) -> subprocess.CompletedProcess[str] | None:
        """A script, a path and its arguments, to its end; None for another environment."""
        if _known(env) != self.env:
            return None
        if self.process is None:
            line, pipe = [sys.executable, __file__], subprocess.PIPE
            self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, env=self.env, cwd="/")
        with tempfile.TemporaryDirectory() as folder:
            streams = [str(Path(folder) / name) for name in ("out", "err")]
            print(json.dumps([str(cwd), streams, words]), file=self.process.stdin, flush=True)
            status = int(self.process.stdout.readline())
            out, err = (Path(name).read_text() for name in streams)
        return subprocess.CompletedProcess(words, status, out, err)


def _known(env: Mapping[str, str]) -> dict[str, str]:
    """It with what any script sets, and without what comes of the tests themselves."""
    return environment() | {name: value for name, value in env.items() if not name.startswith(OF_TESTS)}


def main() -> None:
    """Import, then fork for each line until standard input ends."""
    import terna

    for module in pkgutil.walk_packages(terna.__path__, "terna."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        if not (child := os.fork()):
            script(*json.loads(line))
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def script(cwd: str, streams: list[str], words: list[str]) -> None:
    """Become the script."""
    os.setsid()
    os.chdir(cwd)
    signal.alarm(LONGEST)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, (name, how) in enumerate([(os.devnull, os.O_RDONLY), *((name, flags) for name in streams)]):
        os.dup2(os.open(name, how), number)
    sys.argv[:] = words
    sys.path[0] = str(Path(words[0]).parent)
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
