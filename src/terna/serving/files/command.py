"""The command: plan the blocks, have the missing ones encoded, write the index."""

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from terna.errors import DataError, ModelError
from terna.running import cluster
from terna.running.blocks import check_shared, tidy
from terna.running.cluster import Asked, Done
from terna.running.lock import held
from terna.running.process import settle
from terna.serving.cli.corpus import INDEX
from terna.serving.cli.encoding import dimension_of, encode_all, prompt_of
from terna.serving.cli.fingerprint import fingerprint
from terna.serving.cli.streams import tell
from terna.serving.files.blocks import Block, Source, blocks_of, others, sources
from terna.serving.files.shards import RECORD, Job, claim, digests_in, finish, missing, written
from terna.serving.folders import check_parents
from terna.settings.devices import Precision
from terna.systems import load_system, locate

# files that are named in a message
SHOWN = 5


class Encoding:
    """The work of a worker: it holds the model, and encodes a block into its shard."""

    def __init__(self, job: Job, where: str, device: str, precision: Precision, threads: int) -> None:
        settle()
        torch.set_num_threads(threads)
        check_shared(job.out / RECORD)
        mark, path = job.mark, locate(where)
        found = fingerprint(mark.model, path, mark.prompt, mark.precision)
        if found.sha256 != mark.sha256:
            raise ModelError(f"--model {path}: {found} on a worker's machine, {mark} here; give all the same files")
        self.job = job
        self.encode = encode_all(load_system(str(path), device, precision), mark.prompt)

    def __call__(self, block: Block) -> Done:
        """Encode; how many rows, and the shard's sha256 and name."""
        digest = written(self.job, block, self.encode)
        return Done(block.end - block.first, f"{digest} {self.job.shard(block).name}")


def encode_files(asked: Namespace) -> None:
    """A shard of vectors for each block of rows that has none yet."""
    began = time.monotonic()
    cluster.imported(_asked(asked))
    files = sources(asked.place)
    job = _job(asked)
    _check_apart(files, asked.place, job.out)
    blocks = blocks_of(files, job.rows, job.column)
    job.out.mkdir(parents=True, exist_ok=True)
    with held(job.out):
        claim(job, files)
        tidy(job.out)
        left, digests = missing(job, blocks), digests_in(job)
        if left:
            (job.out / INDEX).unlink(missing_ok=True)
            try:
                digests |= _encode(left, blocks, job, asked)
            finally:
                tidy(job.out)
        rows, bad = finish(job, blocks, digests)
    if passed := others(asked.place):
        tell(f"{asked.place}: {len(passed)} files of other kinds are left out: {', '.join(passed[:SHOWN])}")
    tell(
        f"{job.out}: {rows} rows of {len(files)} files in {len(blocks)} shards, {len(left)} of them encoded now, "
        f"{time.monotonic() - began:.0f} s; {bad} rows are blank, null or not UTF-8: they have no vector"
    )


def _encode(left: Sequence[Block], blocks: Sequence[Block], job: Job, asked: Namespace) -> dict[str, str]:
    """Have the shards of `left` written; a bar over the rows of all `blocks` on a terminal.

    Returns the sha256 of each by its name.
    """
    total, rest = (sum(block.end - block.first for block in some) for some in (blocks, left))
    with (
        cluster.connected(_asked(asked)) as pool,
        tqdm(total=total, initial=total - rest, unit=" rows", disable=not sys.stderr.isatty()) as bar,
    ):
        where = str(Path(asked.model).absolute()) if Path(asked.model).exists() else asked.model
        arguments = {
            "job": job,
            "where": where,
            "device": pool.device,
            "precision": asked.precision,
            "threads": pool.threads,
        }
        digests = {}
        for done in cluster.worked(left, Encoding, arguments, pool):
            bar.update(done.count)
            digest, name = done.note.split()
            digests[name] = digest
    return digests


def _asked(asked: Namespace) -> Asked:
    return Asked(asked.address, asked.device, asked.actors)


def _job(asked: Namespace) -> Job:
    """The job that is asked for; the model is loaded for its prompt and dimension, and let go."""
    path = locate(asked.model)
    system = load_system(str(path))
    prompt = prompt_of(system, asked.prompt, asked.prompt_name)
    dimensions = dimension_of(system, prompt)
    mark = replace(fingerprint(asked.model, path, prompt, asked.precision), dimensions=dimensions)
    return Job(asked.out.absolute(), mark, dimensions, asked.column, asked.block)


def _check_apart(files: Sequence[Source], place: str, out: Path) -> None:
    """Raise DataError where what is read and what is written lie in each other, and ModelError for no folder."""
    if Path(place).is_dir() and out.is_relative_to(Path(place).absolute()):
        raise DataError(f"--out {out}: lies in --from {place}, where it would be read later; give a folder beside it")
    check_parents(out)
    if out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: not a folder; give a folder")
    inside = next((file.url for file in files if Path(file.url).is_relative_to(out)), None)
    if inside:
        raise DataError(f"--out {out}: {inside} is an input and lies in it; give a folder of its own")
