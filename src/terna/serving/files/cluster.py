"""Blocks given to workers by Ray Data, on a Ray of its own in this machine or on a cluster."""

import logging
import os
import secrets
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from terna import errors
from terna.errors import ModelError, TernaError, words_of
from terna.serving.files.blocks import Block

# what a worker makes of a block; a number to count by, such as its rows
Work = Callable[[Block], int]
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


@dataclass(frozen=True)
class Pool:
    """How many workers there are, and the threads, CPUs and GPUs of each."""

    workers: int
    threads: int
    cpus: float
    gpus: int

    @property
    def device(self) -> str:
        """Torch's name of where a worker computes."""
        return "cuda:0" if self.gpus else "cpu"


@contextmanager
def connected(address: str | None, device: str, workers: int | None) -> Iterator[Pool]:
    """A pool on the cluster at `address`, as ray takes it, or else on a Ray that starts and stops with the block.

    device: auto, cuda or cpu; workers: default one for each GPU, else for each machine. Raises ModelError where ray is
    not installed, where there is no cluster, and where there are too few GPUs.
    """
    with tempfile.TemporaryDirectory(prefix="terna-ray-", ignore_cleanup_errors=True) as scratch:
        ray = imported(address)
        _start(ray, address, scratch)
        try:
            machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
            yield pool_of(machines, device, workers)
        finally:
            ray.shutdown()


def imported(address: str | None) -> Any:
    """The module ray, set up for `connected`.

    Raises ModelError, with the extra, where it is not installed, and for an address that Ray Data cannot use.
    """
    if address and address.startswith("ray://"):  # Ray Data fails there, without a word on why
        raise ModelError(
            f"--address {address}: Ray Data does not run over Ray's client; run the command on a machine of the "
            "cluster (ray job submit) with --address auto"
        )
    if address is None:
        os.environ.update(EMBEDDED)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it writes one into the home folder
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelError(f"encode-files: ray cannot be imported ({error}); pip install -e '.[ray]'") from error
    return ray


def pool_of(machines: Sequence[Mapping[str, float]], device: str, workers: int | None) -> Pool:
    """The pool for machines with so many of `CPU` and `GPU` each; see `connected`."""
    gpus = 0 if device == "cpu" else int(sum(each.get("GPU", 0) for each in machines))
    if device == "cuda" and not gpus:
        raise ModelError("--device cuda: Ray sees no GPU; give cpu, or auto")
    count = workers or gpus or max(1, len(machines))
    if gpus and count > gpus:
        raise ModelError(f"--actors {count}: Ray sees {gpus} GPUs, and each has one; lower it, or give --device cpu")
    most = min((each["CPU"] for each in machines), default=1)
    share = min(most, sum(each["CPU"] for each in machines) / count) or 1
    cpus = min(1.0, share) if gpus else share if share < 1 else int(share)
    return Pool(count, max(1, int(share)), cpus, int(gpus > 0))


def worked(
    blocks: Sequence[Block], make: Callable[..., Work], arguments: Mapping[str, Any], pool: Pool
) -> Iterator[int]:
    """What each block's work returns, as blocks are done, in no order.

    Each worker calls `make` with `arguments` once. One that dies is started again, and its block with it: Ray Data does
    so without end, so that the work has to refuse a block that is deadly. Raises a TernaError of the work, and
    ModelError for what Ray gave up.
    """
    import ray

    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = [asdict(block) for block in blocks]
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        fn_constructor_args=(make, dict(arguments)),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.workers, initial_size=pool.workers),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
    )
    try:
        for each in done.iter_rows():
            if each["fault"]:
                raise getattr(errors, each["kind"])(each["fault"])
            yield each["count"]
    except ray.exceptions.RayError as error:
        raise ModelError(
            f"Ray failed ({words_of(error)}); the same command resumes. If workers die for lack of memory, give "
            "fewer --actors"
        ) from error


class _Worker:
    """What Ray starts: faults of ours come back as words, without Ray's account of its own calls."""

    def __init__(self, make: Callable[..., Work], arguments: Mapping[str, Any]) -> None:
        self.fault: TernaError | None = None
        try:
            self.work = make(**arguments)
        except TernaError as error:
            self.fault = error

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        block = Block(**{name: values.tolist()[0] for name, values in batch.items()})
        try:
            if self.fault:
                raise self.fault
            return {"count": [self.work(block)], "kind": [""], "fault": [""]}
        except TernaError as error:
            return {"count": [0], "kind": [type(error).__name__], "fault": [str(error)]}


def _start(ray: Any, address: str | None, scratch: str) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own = {"include_dashboard": False, "object_store_memory": STORE, "_temp_dir": scratch}
    try:
        ray.init(address=address or "local", **quiet, **({} if address else own))
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"--address {address}" if address else "Ray"
        raise ModelError(f"{where}: cannot be reached or started ({words_of(error)}); remove the cause") from error
    if threading.current_thread() is threading.main_thread():  # Ray's own would end the command without a word
        signal.signal(signal.SIGTERM, handler)
    for console in logging.getLogger("ray.data").handlers:
        console.setLevel(max(console.level, logging.ERROR))
