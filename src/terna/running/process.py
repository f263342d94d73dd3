"""How a process is set up before it computes: environment, allocator, garbage collector."""

import atexit
import ctypes
import gc
import os
import sys
from io import StringIO
from pathlib import Path

from terna.errors import SettingsError

# of your own, kept out of Git
ENV = ".env"
# Both are set before the libraries that read them are loaded, and only where the user has not.
# Nothing phones home unasked.
PRIVACY = {
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
}
SPEED = {
    # torch's threads sleep at a barrier: spinning, they slow a run 14-fold when another program takes one of two cores
    "OMP_WAIT_POLICY": "PASSIVE",
    # large tensors in huge pages: fewer page faults
    "THP_MEM_ALLOC_ENABLE": "1",
    # kernels are made for a shape, and packed batches have another each time: most of the 1,024 that oneDNN keeps never
    # come again
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}
# mallopt's numbers of glibc: blocks below this size are kept when they are freed, up to so much free memory is, and all
# threads share what is kept. Else every large tensor is taken again from the system, page by page: an eighth of a
# training step on a CPU.
KEPT_BLOCKS = {-3: 1 << 30, -1: 2**31 - 1, -8: 1}
# Objects that come to be before Python looks for garbage among all: libraries make a million as they are imported,
# which stay. To look every 700, and once more at the end, takes a quarter of what a short command takes.
UNLOOKED = 50_000


def settle() -> None:
    """Set up this process, before it computes: the environment's variables, and how memory is freed and kept.

    With TERNA_PLAIN=1 the variables of PRIVACY alone. Raises SettingsError when TERNA_PLAIN is neither 0 nor 1.
    """
    for name, value in environment().items():
        os.environ.setdefault(name, value)
    if not _is_plain():
        _keep_memory()


def read_env(root: Path) -> None:
    """Set the variables that root/.env gives, such as keys of services, where the environment does not have them.

    SettingsError for what is no such file, without a word of what it says.
    """
    path = root / ENV
    if not path.exists():
        return
    from dotenv import dotenv_values

    try:
        # a key may hold a dollar sign
        found = dotenv_values(stream=StringIO(path.read_text(encoding="utf-8")), interpolate=False)
    except UnicodeDecodeError as error:
        raise SettingsError([f"{ENV}: not UTF-8; correct it"]) from error
    if None in found.values():
        raise SettingsError([f"{ENV}: a line that gives a variable no value; write NAME=value"])
    for name, value in found.items():
        os.environ.setdefault(name, str(value))


def environment() -> dict[str, str]:
    """The variables that a process of ours is given; with TERNA_PLAIN=1 those of PRIVACY alone."""
    return PRIVACY if _is_plain() else PRIVACY | SPEED


def _is_plain() -> bool:
    from terna.settings.plain_mode import is_plain  # half a second, which `--help` need not take

    return is_plain()


def _keep_memory() -> None:
    gc.set_threshold(UNLOOKED)
    atexit.register(gc.freeze)
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        for option, most in KEPT_BLOCKS.items():
            mallopt(option, most)
