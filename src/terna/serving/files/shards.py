"""The folder of shards: one for each block, the record of what they are made from, and the index that ends it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from terna.errors import DataError, words_of
from terna.records import read_record, sha256_of, write_json
from terna.running.blocks import begun
from terna.running.cluster import OPTIONS
from terna.serving.cli.corpus import INDEX, IndexedShard, indexed
from terna.serving.cli.encoding import EncodeAll, in_places
from terna.serving.cli.fingerprint import Fingerprint
from terna.serving.cli.quantization import Layout
from terna.serving.cli.writers import parquet
from terna.serving.files.blocks import PARQUET, Block, Source
from terna.serving.files.reading import texts_of

RECORD = "_job.json"
# rows that are encoded at once, as those of `encode`: a block that is a multiple then gives the same bytes
CHUNK = 8192
# shards that are read for their digests at once
READ = 4
# what decides which vectors a folder holds, and in which shards
DECISIVE = ("sha256", "prompt", "precision")


@dataclass(frozen=True)
class Job:
    """What a folder of shards is made from. rows: of a block; mark: of the model; dimension: of its vectors."""

    out: Path
    mark: Fingerprint
    dimension: int
    column: str
    rows: int

    def shard(self, block: Block) -> Path:
        """Where the vectors of a block are, or will be."""
        return self.out / f"{block.name}{PARQUET}"


def claim(job: Job, files: Sequence[Source]) -> None:
    """Write the record of a folder that has none; DataError where it has that of another job, or shards without one."""
    record = job.out / RECORD
    own = asdict(job.mark) | {"column": job.column, "block": job.rows, "inputs": [asdict(file) for file in files]}
    if not record.exists():
        if job.out.exists() and any(path.name != ".terna.lock" for path in job.out.iterdir()):
            raise DataError(f"--out {job.out}: not empty, and no {RECORD} in it; give a folder that is new or empty")
        write_json(own, record)
        return
    remedy = f"give another --out, or delete {shlex.quote(str(job.out))} to encode all again"
    kinds = {name: type(own[name]) for name in (*DECISIVE, "column", "block")}
    stored = read_record(record, kinds | {"inputs": list[dict[str, Any]]}, remedy)
    for name in (*DECISIVE, "column", "block"):
        if stored[name] != own[name]:
            raise DataError(f"--out {job.out}: its shards are of {name} {stored[name]!r}, not {own[name]!r}; {remedy}")
    _check_inputs(stored["inputs"], own["inputs"], f"--out {job.out}", remedy)


def missing(job: Job, blocks: Sequence[Block]) -> list[Block]:
    """The blocks whose shard is not there."""
    there = {path.name for path in job.out.glob(f"*{PARQUET}")}
    return [block for block in blocks if job.shard(block).name not in there]


def written(job: Job, block: Block, encode: EncodeAll) -> str:
    """Encode a block into its shard, unless that is there; its hex sha256.

    ModelError where DEATHS workers have died on it.
    """
    path = job.shard(block)
    if not path.exists():  # else a worker died after it had written it, before it could say so
        with (
            begun(path, f"{block.url}, rows {block.first + 1} to {block.end}", OPTIONS.fewer) as beside,
            beside.open("wb") as file,
            parquet(file, Layout("float32", job.dimension), job.mark.metadata()) as write,
        ):
            for texts, vectors in in_places(encode, _chunks(texts_of(block, job.column))):
                write(texts, vectors)
    return sha256_of(path)


def digests_in(job: Job) -> dict[str, str]:
    """The sha256 of each shard that the folder's index names; none where there is no index."""
    if not (job.out / INDEX).exists():
        return {}
    return {name: shard.sha256 for name, shard in indexed(job.out, "delete it, and run again").items()}


def finish(job: Job, blocks: Sequence[Block], digests: Mapping[str, str]) -> tuple[int, int]:
    """Write the index, the sign that all shards are there; how many rows they have, and how many of them are bad.

    digests: the sha256 of shards by name, as far as they are known; the other shards are read for theirs.
    """
    paths = [job.shard(block) for block in blocks]
    counts = [_counted(path) for path in paths]
    with ThreadPoolExecutor(READ) as pool:
        found = list(pool.map(lambda path: digests.get(path.name) or sha256_of(path), paths))
    shards = {
        path.name: asdict(IndexedShard(rows, path.stat().st_size, digest))
        for path, (rows, _), digest in zip(paths, counts, found, strict=True)
    }
    rows, bad = sum(rows for rows, _ in counts), sum(bad for _, bad in counts)
    write_json({"rows": rows, "bad": bad, "shards": shards}, job.out / INDEX)
    return rows, bad


def _chunks(texts: Iterator[str | None]) -> Iterator[list[str | None]]:
    while many := list(islice(texts, CHUNK)):
        yield many


def _counted(shard: Path) -> tuple[int, int]:
    """Rows, and those without a text."""
    try:
        found = pq.read_metadata(shard)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{shard}: no whole shard ({words_of(error)}); delete it, and run again") from error
    texts = (found.row_group(group).column(0) for group in range(found.num_row_groups))
    return found.num_rows, sum(text.statistics.null_count for text in texts)


def _check_inputs(stored: list[dict[str, Any]], own: list[dict[str, Any]], where: str, remedy: str) -> None:
    if stored == own:
        return
    before, now = ({file.get("url"): file for file in files} for files in (stored, own))
    changed = next(url for url in sorted([*before, *now], key=str) if before.get(url) != now.get(url))
    how = "gone" if changed not in now else "new" if changed not in before else "another size or time"
    raise DataError(f"{where}: its shards are of other inputs: {changed} is {how}; {remedy}")
