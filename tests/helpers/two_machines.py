"""Two network namespaces, which have no network but the cable between them: as far as sockets go, two machines."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from sweep_inputs import COMPOSED

TORCHRUN = ("-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--master-port=29500")
NETWORK = "10.77.0"


class Machines(NamedTuple):
    """Two namespaces; `0` is the first machine, which the other connects to."""

    names: tuple[str, str]

    def train(self, number: int, project: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start training on a machine, under torchrun, as one of two."""
        launcher = (*TORCHRUN, f"--node-rank={number}", f"--master-addr={NETWORK}.1")
        line = (*launcher, "pipelines/train.py", *COMPOSED, "machine.nodes=2", *words)
        return self.start(number, project, (sys.executable, *line), variables)

    def start(self, number: int, project: Path, line: tuple[str, ...], env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a command on a machine, in a project's folder."""
        known = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "cable"}
        words, pipe = ("ip", "netns", "exec", self.names[number], *line), subprocess.PIPE
        return subprocess.Popen(
            words, cwd=project, env={**os.environ, **known, **env}, stdout=pipe, stderr=pipe, text=True
        )

    def cut(self) -> None:
        """Cut the cable."""
        _ip("-n", self.names[1], "link", "set", "cable", "down")


@contextmanager
def two_machines() -> Iterator[Machines]:
    """Two machines; skips the test where they cannot be made."""
    if not shutil.which("ip"):
        pytest.skip("needs the command ip (iproute2) to make network namespaces")
    names = (f"terna-{os.getpid()}-0", f"terna-{os.getpid()}-1")
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
        for number, name in enumerate(names, 1):
            _ip("-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "cable")
            for link in ("lo", "cable"):
                _ip("-n", name, "link", "set", link, "up")
        yield Machines(names)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
    finally:
        for name in names:
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)


def ended(*processes: subprocess.Popen[str], within: float) -> list[tuple[int, str, str]]:
    """Status, standard output and errors of each; those that still run after so many seconds are killed: a failure."""
    until = time.monotonic() + within
    try:
        said = [process.communicate(timeout=max(until - time.monotonic(), 0.1)) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                for number in (*children(process), process.pid):
                    os.kill(number, signal.SIGKILL)
    return [(process.returncode, *each) for process, each in zip(processes, said, strict=True)]


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a launcher started."""
    return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), capture_output=True, text=True, check=True)
