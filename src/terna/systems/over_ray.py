"""Vectors of many texts by Ray's workers, shard by shard, so that a run that is killed resumes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import torch
from tqdm import tqdm

from terna.arrays import Vectors
from terna.errors import DataError, ModelError
from terna.records import replacing
from terna.running import cluster
from terna.running.blocks import batch_of, begun, handed_out
from terna.running.cluster import SETTINGS, Asked, Done
from terna.running.process import settle
from terna.settings.plain_mode import is_plain
from terna.systems.load import load_system
from terna.systems.locate import digests_of, locate
from terna.systems.stored import CHUNK

# chunks of a shard: seconds of work, and few files
CHUNKS = 4
BATCH = pa.schema([("text", pa.string())])


@dataclass(frozen=True)
class Recipe:
    """What the vectors depend on, beside their texts.

    digests: of the system's files; threads: of torch, those of one process here, for another number may sum in another
    order; chunk: texts that are encoded at once; plain: see TERNA_PLAIN.
    """

    digests: dict[str, str]
    versions: list[str]
    device: str
    threads: int
    chunk: int
    plain: bool

    def key(self, texts: Sequence[str]) -> str:
        """Hex sha256 of all that a shard's vectors depend on."""
        total = hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode())
        total.update("\0".join(texts).encode())  # no text holds NUL
        return total.hexdigest()


@dataclass(frozen=True)
class Block:
    """A shard that is missing: which of the batches, and the file that it is written to."""

    number: int
    path: str


class Encoding:
    """The work of a worker: it holds the system, and encodes a shard."""

    def __init__(self, batches: Path, where: str, recipe: Recipe, device: str) -> None:
        """Load the system; ModelError where other files or versions are on this machine than the recipe says."""
        settle()
        torch.set_num_threads(recipe.threads)
        path = locate(where)
        if (digests_of(path), [torch.__version__]) != (recipe.digests, recipe.versions):
            raise ModelError(
                f"{path}: other files, or another torch ({torch.__version__}), on a worker's machine than here "
                f"({recipe.versions[0]}); give all machines the same files and versions"
            )
        self._batches, self._chunk = batches, recipe.chunk
        self._system = load_system(str(path), device)

    def __call__(self, block: Block) -> Done:
        """Write the vectors of a shard, unless they are there; how many they are."""
        path, texts = Path(block.path), batch_of(self._batches, block.number)["text"].to_pylist()
        if not path.exists():  # else a worker died after it had written it, before it could say so
            with begun(path, f"texts of {path.name}", SETTINGS.fewer) as beside, beside.open("wb") as file:
                firsts = range(0, len(texts), self._chunk)
                vectors = [self._system.encode(texts[first : first + self._chunk]) for first in firsts]
                np.savez(file, vectors=np.concatenate(vectors).astype(np.float32, copy=False))
        return Done(len(texts))


def store_vectors_over_ray(
    where: str,
    texts: Sequence[str],
    path: Path,
    asked: Asked,
    work: Path,
    *,
    name: str,
    progress: bool,
    chunk: int = CHUNK,
) -> None:
    """Write the bytes that `store_vectors` writes, with the vectors from workers, each of which holds the system.

    where: as for `load_system`. work: the folder of the shards, which stay there, for a run that is killed. chunk:
    texts that are encoded at once.
    """
    cluster.imported(asked)
    recipe = Recipe(
        digests_of(locate(where)), [torch.__version__], asked.device, torch.get_num_threads(), chunk, is_plain()
    )
    rows = CHUNKS * chunk
    parts = [texts[first : first + rows] for first in range(0, len(texts), rows)]
    shards = [work.absolute() / f"{number:06d}-{recipe.key(part)}.npz" for number, part in enumerate(parts)]
    left = [number for number, shard in enumerate(shards) if not _is_whole(shard, len(parts[number]))]
    done = len(texts) - sum(len(parts[number]) for number in left)
    with tqdm(total=len(texts), initial=done, unit="sentence", desc=name, disable=None if progress else True) as bar:
        if left:
            _encode([(parts[number], shards[number]) for number in left], where, recipe, asked, bar)
    _join(shards, len(texts), path)


def _encode(left: Sequence[tuple[Sequence[str], Path]], where: str, recipe: Recipe, asked: Asked, bar: Any) -> None:
    """Have the vectors of texts written to files."""
    batches = (pa.record_batch([pa.array(part, pa.string())], schema=BATCH) for part, _ in left)
    blocks = [Block(number, str(shard)) for number, (_, shard) in enumerate(left)]
    anywhere = str(Path(where).absolute()) if Path(where).exists() else where
    for _, shard in left:
        shard.unlink(missing_ok=True)  # one that is damaged
    with handed_out(left[0][1].parent, batches) as file, cluster.connected(asked) as pool:
        arguments = {"batches": file, "where": anywhere, "recipe": recipe, "device": pool.device}
        for done in cluster.worked(blocks, Encoding, arguments, pool):
            bar.update(done.count)


def _join(shards: Sequence[Path], rows: int, path: Path) -> None:
    """The vectors of all shards in one file, in their order."""
    width = _read(shards[0]).shape[1]
    with replacing(path) as beside:
        vectors: Any = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float32, shape=(rows, width))
        first = 0
        for shard in shards:
            part = _read(shard)
            vectors[first : first + len(part)] = part
            first += len(part)
        vectors.flush()


def _is_whole(shard: Path, rows: int) -> bool:
    """Whether there are float32 vectors of so many texts."""
    try:
        found = _read(shard)
    except DataError:
        return False
    return found.dtype == np.float32 and found.ndim == 2 and len(found) == rows


def _read(shard: Path) -> Vectors:
    """Its vectors; DataError where a bit is not as it was written: NumPy's .npz has a checksum."""
    try:
        with shard.open("rb") as opened, np.load(opened) as file:
            found: Vectors = file["vectors"]
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise DataError(f"{shard}: no whole shard ({error}); check the disk, and run again") from error
    return found
