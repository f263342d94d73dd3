"""Blocks given to workers by Ray Data, on a Ray of its own in this machine or on a cluster."""

import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from terna import errors
from terna.errors import ModelError, TernaError, words_of
from terna.settings import Machine

# bytes of the store that workers share: they are given places of blocks and give numbers back
STORE = 1 << 27
# set as ray is imported, for it and the processes that it starts
EMBEDDED = {
    # the variable's name notwithstanding, 0 makes any system listen on the loopback address alone
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# seconds for an answer from a cluster's address: Ray itself waits for many minutes, and then ends the process
ANSWER = 10
# `machine.ray` of a Ray that starts and stops with the stage
LOCAL = "local"


class Keys(NamedTuple):
    """How messages name what was asked: who asks, the address, the device, the workers on GPUs, and fewer workers."""

    what: str
    address: str
    device: str
    workers: str
    fewer: str


OPTIONS = Keys("encode-files", "--address", "--device", "--actors", "give fewer --actors")
SETTINGS = Keys(
    "machine.ray", "machine.ray", "machine.accelerator", "machine.devices", "lower machine.workers or machine.devices"
)


@dataclass(frozen=True)
class Asked:
    """What is asked of Ray.

    address: of a cluster, as ray takes it; None: a Ray that starts and stops with the work. device: auto, cuda or cpu.
    workers: how many in all; None: `devices` for each machine with GPUs, else `processes` for each machine. devices:
    None: one worker for each GPU.
    """

    address: str | None
    device: str
    workers: int | None = None
    devices: int | None = None
    processes: int = 1
    keys: Keys = OPTIONS


@dataclass(frozen=True)
class Done:
    """A block that is done: a number to count by, such as its rows, and what else is to be told of it."""

    count: int
    note: str = ""


# what a worker makes of a block: a dataclass of numbers and texts
Work = Callable[[Any], Done]


@dataclass(frozen=True)
class Pool:
    """How many workers there are, and the threads, CPUs and GPUs of each."""

    workers: int
    threads: int
    cpus: float
    gpus: int
    keys: Keys = OPTIONS

    @property
    def device(self) -> str:
        """Torch's name of where a worker computes."""
        return "cuda:0" if self.gpus else "cpu"


def asked_by(machine: Machine, processes: int = 1) -> Asked:
    """What the settings ask for; machine.ray must not be null. processes: of each machine without GPUs."""
    address = None if machine.ray == LOCAL else machine.ray
    device = {"gpu": "cuda"}.get(machine.accelerator, machine.accelerator)
    return Asked(address, device, devices=machine.devices, processes=processes, keys=SETTINGS)


@contextmanager
def connected(asked: Asked) -> Iterator[Pool]:
    """A pool on the cluster that is asked for, or on a Ray that starts and stops with the block.

    Raises ModelError where ray is not installed, where there is no cluster, and where there are too few GPUs.
    """
    with tempfile.TemporaryDirectory(prefix="terna-ray-", ignore_cleanup_errors=True) as scratch:
        ray = imported(asked)
        _start(ray, asked, scratch)
        try:
            machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
            yield pool_of(machines, asked)
        finally:
            ray.shutdown()


def imported(asked: Asked) -> Any:
    """The module ray, set up for `connected`.

    Raises ModelError, with the extra, where it is not installed, and for an address that Ray Data cannot use.
    """
    if asked.address and asked.address.startswith("ray://"):  # Ray Data fails there, without a word on why
        raise ModelError(
            f"{asked.keys.address} {asked.address}: Ray Data does not run over Ray's client; run the command on a "
            f"machine of the cluster (ray job submit), with auto as {asked.keys.address}"
        )
    if asked.address is None:
        os.environ.update(EMBEDDED)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it writes one into the home folder
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelError(f"{asked.keys.what}: ray cannot be imported ({error}); pip install -e '.[ray]'") from error
    return ray


def pool_of(machines: Sequence[Mapping[str, float]], asked: Asked) -> Pool:
    """The pool for machines with so many of `CPU` and `GPU` each; see `Asked`."""
    graphics = [] if asked.device == "cpu" else [int(each["GPU"]) for each in machines if each.get("GPU", 0) >= 1]
    if asked.device == "cuda" and not graphics:
        raise ModelError(f"{asked.keys.device}: Ray sees no GPU; give cpu, or auto")
    gpus = sum(graphics)
    default = len(graphics) * asked.devices if asked.devices and gpus else gpus
    count = asked.workers or default or max(1, len(machines)) * asked.processes
    if gpus and count > gpus:
        key, remedy = asked.keys.workers, f"lower it, or set {asked.keys.device} to cpu"
        raise ModelError(f"{key}: {count} workers, Ray sees {gpus} GPUs, and each worker has one; {remedy}")
    most = min((each["CPU"] for each in machines), default=1)
    share = min(most, sum(each["CPU"] for each in machines) / count) or 1
    cpus = min(1.0, share) if gpus else share if share < 1 else int(share)
    return Pool(count, max(1, int(share)), cpus, int(gpus > 0), asked.keys)


def worked(
    blocks: Sequence[Any], make: Callable[..., Work], arguments: Mapping[str, Any], pool: Pool
) -> Iterator[Done]:
    """What each block's work returns, as blocks are done, in no order.

    blocks: dataclasses of one kind, of numbers and texts. Each worker calls `make` with `arguments` once. One that dies
    is started again, and its block with it: Ray Data does so without end, so that the work has to refuse a block that
    is deadly. Raises a TernaError of the work, and ModelError for what Ray gave up.
    """
    import ray

    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = [asdict(block) for block in blocks]
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        fn_constructor_args=(type(blocks[0]), make, dict(arguments)),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.workers, initial_size=pool.workers),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
    )
    try:
        for each in done.iter_rows():
            if each["fault"]:
                raise getattr(errors, each["kind"])(each["fault"])
            yield Done(each["count"], each["note"])
    except ray.exceptions.RayError as error:
        remedy = f"If workers die for lack of memory, {pool.keys.fewer}"
        raise ModelError(f"Ray failed ({words_of(error)}); the same command resumes. {remedy}") from error


def _check_reached(asked: Asked) -> None:
    """ModelError where nothing listens at HOST:PORT."""
    host, colon, port = (asked.address or "").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise ModelError(
            f"{asked.keys.address} {asked.address}: nothing answers there ({words_of(error)}); give the HOST:PORT that "
            "`ray start --head` told, or auto on a machine of the cluster"
        ) from error


class _Worker:
    """What Ray starts: faults of ours come back as words, without Ray's account of its own calls."""

    def __init__(self, kind: type[Any], make: Callable[..., Work], arguments: Mapping[str, Any]) -> None:
        self.fault: TernaError | None = None
        self.kind = kind
        try:
            self.work = make(**arguments)
        except TernaError as error:
            self.fault = error

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        block = self.kind(**{name: values.tolist()[0] for name, values in batch.items()})
        try:
            if self.fault:
                raise self.fault
            done = self.work(block)
            return {"count": [done.count], "note": [done.note], "kind": [""], "fault": [""]}
        except TernaError as error:
            return {"count": [0], "note": [""], "kind": [type(error).__name__], "fault": [str(error)]}


def _start(ray: Any, asked: Asked, scratch: str) -> None:
    _check_reached(asked)
    handler = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own = {"include_dashboard": False, "object_store_memory": STORE, "_temp_dir": scratch}
    try:
        ray.init(address=asked.address or "local", **quiet, **({} if asked.address else own))
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"{asked.keys.address} {asked.address}" if asked.address else "Ray"
        raise ModelError(f"{where}: cannot be reached or started ({words_of(error)}); remove the cause") from error
    if threading.current_thread() is threading.main_thread():  # Ray's own would end the command without a word
        signal.signal(signal.SIGTERM, handler)
    for console in logging.getLogger("ray.data").handlers:
        console.setLevel(max(console.level, logging.ERROR))
