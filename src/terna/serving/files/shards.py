"""The folder of shards: one for each block, the record of what they are made from, and the index that ends it."""

import os
import secrets
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from terna.errors import DataError, ModelError, words_of
from terna.records import read_record, replacing, write_json
from terna.serving.cli.corpus import INDEX
from terna.serving.cli.encoding import EncodeAll, in_places
from terna.serving.cli.fingerprint import Fingerprint
from terna.serving.cli.quantization import Layout
from terna.serving.cli.writers import parquet
from terna.serving.files.blocks import PARQUET, Block, Source
from terna.serving.files.reading import texts_of

RECORD = "_job.json"
# rows that are encoded at once, as those of `encode`: a block that is a multiple then gives the same bytes
CHUNK = 8192
# workers that may die on a block before it is refused
DEATHS = 3
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


def tidy(job: Job) -> None:
    """Remove what workers that were killed had half written."""
    for part in job.out.glob(".*.part"):
        part.unlink(missing_ok=True)


def written(job: Job, block: Block, encode: EncodeAll) -> None:
    """Encode a block into its shard, unless that is there; ModelError where DEATHS workers have died on it."""
    path = job.shard(block)
    if path.exists():  # a worker died after it had written it, before it could say so
        return
    if len(lost := [*job.out.glob(f".{path.name}.*.part")]) >= DEATHS:
        raise ModelError(
            f"{block.url}, rows {block.first + 1} to {block.end}: {len(lost)} workers died on them, for lack of memory "
            "or by a signal; give fewer --actors, and run again"
        )
    # a worker that was given up may still write
    writer = f".{os.getpid()}-{secrets.token_hex(4)}"
    with (
        replacing(path, writer) as beside,
        beside.open("wb") as file,
        parquet(file, Layout("float32", job.dimension), job.mark.metadata()) as write,
    ):
        for texts, vectors in in_places(encode, _chunks(texts_of(block, job.column))):
            write(texts, vectors)


def finish(job: Job, blocks: Sequence[Block]) -> tuple[int, int]:
    """Write the index, the sign that all shards are there; how many rows they have, and how many of them are bad."""
    shards = {job.shard(block).name: _counted(job.shard(block)) for block in blocks}
    rows, bad = sum(rows for rows, _ in shards.values()), sum(bad for _, bad in shards.values())
    write_json(
        {"rows": rows, "bad": bad, "shards": {name: rows for name, (rows, _) in shards.items()}}, job.out / INDEX
    )
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
