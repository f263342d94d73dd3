"""The devices that the settings and `--device` ask for, of those that are here."""

from typing import Literal

from terna.errors import ModelError
from terna.settings.schema import Machine

AUTO = "auto"
# what an encoder computes in, as torch calls it
Precision = Literal["float32", "bfloat16", "float16", "int8"]


def available() -> list[str]:
    """Torch's names of the devices that are here, the strongest first; the CPU is the last."""
    import torch  # seconds

    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def device_of(asked: str, key: str = "machine.accelerator") -> str:
    """The device of one process. asked: `auto`, the strongest; `gpu`, `cuda`, a CUDA device by number, `mps`, `cpu`.

    key: the setting or option that asks. Raises ModelError for a device that is not available.
    """
    there = available()
    if asked == AUTO:
        return there[0]
    fits = {"gpu": ("cuda:", "mps"), "cuda": ("cuda:",)}.get(asked)
    found = [name for name in there if name == asked or (fits and name.startswith(fits))]
    if not found:
        raise ModelError(
            f"{key}: {asked} is not available; torch sees {', '.join(there)}; choose one of these, or {AUTO}"
        )
    return found[0]


def devices_of(machine: Machine) -> list[str]:
    """The device of each process: `machine.devices` of CUDA, or the CPU for each of `machine.workers`.

    Raises ModelError for a device that is not available.
    """
    count = machine.workers if device_of(machine.accelerator) == "cpu" else machine.devices
    return several(machine.accelerator, count, "machine.accelerator")


def several(asked: str, count: int, key: str) -> list[str]:
    """The devices of `count` processes: an accelerator of its own for each, or the CPU for all; see `device_of`.

    Raises ModelError where there are fewer.
    """
    first = device_of(asked, key)
    if first == "cpu":
        return [first] * count
    kind = first.partition(":")[0]
    found = [name for name in available() if name.startswith(kind) and asked in (name, "cuda", "gpu", AUTO)]
    if len(found) < count:
        raise ModelError(f"{key}: {asked} and {count} processes, but torch sees {len(found)} such devices; lower one")
    return found[:count]
