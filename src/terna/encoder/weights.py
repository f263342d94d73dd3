"""Files of weights as they lie on a disk: which there are, and what their headers state."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from terna.encoder import keys
from terna.errors import ModelError, words_of

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# bytes that safetensors allows a header
LONGEST = 100_000_000
HIGHEST = 1e18
REMEDY = "get it again"


def files(folder: Path) -> list[Path]:
    """The files that hold a backbone's weights: one, or those that an index names; none where there is neither."""
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    if not (folder / INDEX).is_file():
        return []
    index = keys.Keys.read(folder / INDEX)
    placed = index.take("weight_map", dict, {})
    if wrong := [name for name in placed.values() if not isinstance(name, str)]:
        raise index.refused("weight_map", wrong[0], "names of files are expected")
    # a file elsewhere would be read, but would be in no digest of the folder
    if outside := [name for name in placed.values() if Path(name).is_absolute() or ".." in Path(name).parts]:
        raise index.refused("weight_map", outside[0], "a file in the folder is expected")
    return [folder / name for name in sorted(set(placed.values()))]


def numbers(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header; ModelError when it is damaged."""
    try:
        with safe_open(file, framework="pt") as opened:
            return sum(math.prod(opened.get_slice(key).get_shape()) for key in opened.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: {_sizes(file)}{words_of(error)}; {REMEDY}") from error


def check_values(where: Path | str, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Raise ModelError for weights with a value that is not a number, or one whose square float32 cannot hold."""
    for name, tensor in tensors:
        low, high = torch.aminmax(tensor.detach()) if tensor.numel() else (0, 0)
        if not -HIGHEST <= low <= high <= HIGHEST:
            raise ModelError(f"{where}: {name} has values that are not numbers, or above {HIGHEST:.0e}; {REMEDY}")


def _sizes(file: Path) -> str:
    """The bytes that a file has, and those that its header states, where they can be read from it.

    It begins with the header's length in 8 bytes; then comes JSON, with the offsets of each tensor's first and last
    byte: https://huggingface.co/docs/safetensors#format.
    """
    found = file.stat().st_size if file.is_file() else 0
    if not found:
        return ""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = opened.read(min(length, LONGEST))
    if len(header) < length <= LONGEST:
        return f"{found} bytes, but its header alone is of {length}: "
    try:
        ends = [entry["data_offsets"][1] for name, entry in json.loads(header).items() if name != "__metadata__"]
        return f"{found} bytes, but its header states {8 + length + max(ends)}: "
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return f"{found} bytes that are not safetensors: "
