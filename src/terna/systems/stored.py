"""Vectors of many texts in a file, which may be larger than memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from terna.records import replacing
from terna.systems.load import System

# texts that a system encodes at once
CHUNK = 4096


def store_vectors(system: System, texts: Sequence[str], path: Path, *, name: str, progress: bool) -> None:
    """Write a system's vectors of `texts`, at least one, as float32 .npy, CHUNK of them at a time.

    name: what the progress bar says.
    """
    width = system.encode(texts[:1]).shape[1]
    with (
        replacing(path) as beside,
        tqdm(total=len(texts), unit="sentence", desc=name, disable=None if progress else True) as bar,
    ):
        vectors: Any = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float32, shape=(len(texts), width))
        for first in range(0, len(texts), CHUNK):
            chunk = texts[first : first + CHUNK]
            vectors[first : first + len(chunk)] = system.encode(chunk)
            bar.update(len(chunk))
        vectors.flush()
