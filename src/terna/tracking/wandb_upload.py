"""A recorded run of W&B goes to the service, from a process of its own that no run waits for longer than it says.

As a script, `send.py SECONDS FOLDER`: send what is being recorded in FOLDER, and end at the latest SECONDS after the
one that started it has closed its standard input or is dead.
"""

import netrc
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse

# seconds that a run waits in the end for the rest to arrive
PATIENCE = 2.0
LOG = "sync.txt"
# the mark that W&B's command leaves beside a run that has arrived
ARRIVED = "*.synced"
# W&B's own command; the beta one can send a run that is still being recorded
LIVE = (sys.executable, "-m", "wandb", "beta", "sync", "--live", "--yes")
WHOLE = (sys.executable, "-m", "wandb", "sync", "--yes")


class Sending:
    """A run in `folder` on its way to the service while it is recorded."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / LOG
        self.seconds = patience(PATIENCE)
        line = [sys.executable, __file__, str(self.seconds), str(folder)]
        with self.log.open("w") as output:
            # in a session of its own: a Ctrl-C is for the run, which then has an end to send
            self.process = subprocess.Popen(  # noqa: S603  # no shell
                line,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> bool:
        """Wait for the rest, `seconds` at most; whether all has arrived."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            return self.process.wait(self.seconds + 1) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            return False

    def address(self) -> str | None:
        """Where the run can be looked at."""
        return address(self.log)


def delivered(folder: Path, run_id: str, seconds: float) -> str:
    """Send all that is recorded of a run and has not arrived, `folder` being its last part; what became of it."""
    parts = sorted(folder.parent.glob(f"offline-run-*-{run_id}"))
    waiting = [part for part in parts if not list(part.glob(ARRIVED))]
    if is_online() and _sent(waiting, patience(seconds)):
        return f"Weights & Biases: {address(folder / LOG)}"
    return later(waiting)


def later(folders: Sequence[Path]) -> str:
    """How to send runs that have not arrived."""
    return f"Weights & Biases: `wandb sync {' '.join(map(str, folders))}` sends the run"


def is_online() -> bool:
    """Whether runs are to be sent: WANDB_MODE does not say otherwise, and a key is set, there or by `wandb login`."""
    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def patience(seconds: float) -> float:
    """Seconds to wait for the service in the end, unless WANDB_FINISH_TIMEOUT says otherwise."""
    return float(os.environ.get("WANDB_FINISH_TIMEOUT") or seconds)


def address(log: Path) -> str | None:
    """Where a run can be looked at, from what W&B's command said."""
    found = re.findall(r"View run .* at (\S+)", log.read_text(encoding="utf-8", errors="replace"))
    return found[-1] if found else None


def _sent(folders: Sequence[Path], seconds: float) -> bool:
    with (folders[-1] / LOG).open("w") as output:
        try:
            subprocess.run(  # noqa: S603  # no shell
                [*WHOLE, *map(str, folders)],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=True,
            )
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            return False
    return all(list(folder.glob(ARRIVED)) for folder in folders)


def _environment() -> dict[str, str]:
    """Ours, but for W&B's process that records the run, which would else send it too and end in the midst of it."""
    return {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}


def main(seconds: float, folder: str) -> int:
    """Send while standard input is open, and `seconds` more; 0 when all has arrived."""
    process = subprocess.Popen([*LIVE, folder], stdin=subprocess.DEVNULL)  # noqa: S603  # no shell
    sys.stdin.read()
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return 1
    return status or int(not list(Path(folder).glob(ARRIVED)))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2]))
