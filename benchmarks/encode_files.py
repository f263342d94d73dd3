"""`encode-files` killed at random moments, compared with `encode`; and what its scheduling takes, without a model.

    python benchmarks/encode_files.py kills --model FOLDER [--lines 1000000] [--kills 5]
    python benchmarks/encode_files.py overhead [--rows 100000000] [--block 65536] [--bare]

kills: two actors encode made-up lines; --kills times an actor, and as often the command itself, is killed (SIGKILL) at
a random moment, and the command is run again where it has ended. Prints what each kill cost: the blocks begun in vain,
and how much work was done on them, by the time since they were begun and the median time of a block. Exit status 1 when
the shards are not `encode`'s texts and vectors, or a kill cost two blocks of work. overhead: all but the model, whose
vectors are zeros (4,): prints seconds, the share of them in which a worker had nothing to do, and the driver's memory
as it goes; with --bare nothing is read or written either: blocks are planned and scheduled alone. Both need ray.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from terna.running.cluster import Asked, Done, connected, worked
from terna.serving.cli.fingerprint import Fingerprint
from terna.serving.files.blocks import Block, blocks_of, sources
from terna.serving.files.shards import Job, claim, finish, written

TERNA = [sys.executable, "-m", "terna"]
BLOCK = 8192
# rows of a file of `overhead`
ROWS = 1_000_000
# lines a second of MiniLM in 8-bit integers on two cores, the fastest that docs/performance.md has: 13,316 in 15.4 s
RATE = 865


def lines(count: int, seed: int) -> Iterator[str]:
    """Made-up lines, every 97th of them blank."""
    chance = random.Random(seed)
    words = ["mar", "pan", "molino", "carta", "tienda", "perro", "horno", "alba", "puerta", "encina"]
    for number in range(count):
        yield (
            f"La frase {number}: {' '.join(chance.choices(words, k=chance.randrange(1, 12)))}.\n"
            if number % 97
            else "\n"
        )


def actors(command: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes of a command that hold the model."""
    found = []
    for process in psutil.Process(command.pid).children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Map"):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Watch:
    """When each block was begun, and how long a block takes, from the files in the folder of shards."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.first: dict[str, float] = {}
        self.took: dict[str, float] = {}

    def shards(self) -> int:
        """Look; how many shards are there."""
        now = time.monotonic()
        names = {path.name for path in self.out.iterdir()} if self.out.exists() else set()
        there = {name for name in names if name.endswith(".parquet")}
        for part in (name for name in names if name.endswith(".part")):
            self.first.setdefault(part, now)
        for part in self.first.keys() - names:
            began = self.first.pop(part)
            if (shard := shard_of(part)) in there:
                self.took.setdefault(shard, now - began)
        return len(there)

    def begun(self, pids: list[int]) -> dict[str, float]:
        """By shard, the share that these processes have done of what they are at: the time that it has taken so far."""
        typical, now = statistics.median(self.took.values()), time.monotonic()
        own = {part: began for part, began in self.first.items() if int(part.split(".")[-2].split("-")[0]) in pids}
        return {shard_of(part): min(1.0, (now - began) / typical) for part, began in own.items()}


def shard_of(part: str) -> str:
    """The name of the shard that a half-written file becomes."""
    return f"{part[1:].partition('.parquet')[0]}.parquet"


def kills(asked: argparse.Namespace, folder: Path) -> int:
    """Kill and compare."""
    chance, (texts, out) = random.Random(asked.seed), (folder / "texts", folder / "out")
    texts.mkdir()
    half = asked.lines // 2
    for name, count, seed in (("a.txt", half, 0), ("b.txt", asked.lines - half, 1)):
        with (texts / name).open("w") as file:
            file.writelines(lines(count, seed))
    began = time.monotonic()
    whole = b"".join((texts / name).read_bytes() for name in ("a.txt", "b.txt"))
    model = ["--model", asked.model]
    subprocess.run([*TERNA, "encode", *model, "--out", str(folder / "one.parquet")], input=whole, check=True)
    print(f"one process: {time.monotonic() - began:.0f} s", flush=True)
    words = [*TERNA, "encode-files", *model, "--from", str(texts), "--out", str(out), "--actors", "2"]
    words += ["--block", str(BLOCK)]
    blocks = len(blocks_of(sources(str(texts)), BLOCK, "text"))
    moments = sorted(chance.sample(range(4, blocks - 5), 2 * asked.kills))
    began, lost, command, watch = time.monotonic(), [], subprocess.Popen(words), Watch(out)
    for number, moment in enumerate(moments):
        while watch.shards() < moment:
            if command.poll() is not None:
                raise SystemExit(f"ended with {command.returncode} before all was done")
            time.sleep(0.01)
        ends = time.monotonic() + chance.uniform(0, 0.5)
        while time.monotonic() < ends:
            watch.shards()
            time.sleep(0.01)
        found = actors(command)
        while not found:  # the one that was killed before is not back yet
            watch.shards()
            time.sleep(0.1)
            found = actors(command)
        victims = found if number % 2 else [chance.choice(found)]
        what = "the command" if number % 2 else "an actor"
        there = watch.shards()
        begun = watch.begun([each.pid for each in victims])
        os.kill(command.pid if number % 2 else victims[0].pid, 9)
        if number % 2:
            command.wait()
        psutil.wait_procs(victims, timeout=60)
        repeated = [share for shard, share in begun.items() if not (out / shard).exists()]
        lost.append(sum(repeated))
        rows = sum(repeated) * BLOCK
        print(
            f"{what} killed at {there} of {blocks} shards: {len(repeated)} blocks begun in vain, {sum(repeated):.2f} "
            f"blocks of work, {rows:.0f} rows",
            flush=True,
        )
        if number % 2:
            command = subprocess.Popen(words)
    if command.wait():
        raise SystemExit(f"ended with {command.returncode}")
    print(f"with all kills: {time.monotonic() - began:.0f} s, {sum(lost):.2f} blocks of work of {blocks} repeated")
    print(f"the most that one kill cost: {max(lost):.2f} blocks of work", flush=True)
    return compared(folder / "one.parquet", out) or int(max(lost) >= 2)


def compared(one: Path, out: Path) -> int:
    """0 where the shards in order of their names hold what one file holds."""
    whole = pq.read_table(one)
    shards = pa.concat_tables([pq.read_table(path) for path in sorted(out.glob("*.parquet"))])
    texts = whole["text"].combine_chunks().equals(shards["text"].combine_chunks())
    first, second = (table["vector"].combine_chunks().flatten().to_numpy() for table in (whole, shards))
    gap = float(np.abs(first - second).max()) if first.shape == second.shape else float("inf")
    print(f"{len(whole)} and {len(shards)} rows; same texts: {texts}; the vectors differ by at most {gap:.1e}")
    return int(not texts or gap > 1e-6)


class Stub:
    """The work of `encode-files` with a model that takes no time; counts the microseconds that a block takes."""

    def __init__(self, job: Job, bare: bool) -> None:
        self.job, self.bare = job, bare

    def __call__(self, block: Block) -> Done:
        """Encode a block."""
        began = time.monotonic()
        if not self.bare:
            written(self.job, block, self.zeros)
        return Done(int((time.monotonic() - began) * 1e6))

    def zeros(self, many: Iterable[list[str]]) -> Iterator[np.ndarray]:
        """Vectors (n, 4)."""
        return (np.zeros((len(texts), 4), np.float32) for texts in many)


def overhead(asked: argparse.Namespace, folder: Path) -> int:
    """Schedule, and print what it took."""
    texts = folder / "texts"
    texts.mkdir()
    with (texts / "000.txt").open("w") as file:
        file.writelines(lines(ROWS, 0))
    for number in range(1, asked.rows // ROWS):
        (texts / f"{number:03d}.txt").hardlink_to(texts / "000.txt")
    began = time.monotonic()
    job = Job(folder / "out", Fingerprint("stub", "0", "0", ""), 4, "text", asked.block)
    files = sources(str(texts))
    claim(job, files)
    blocks = blocks_of(files, job.rows, job.column)
    print(f"{len(blocks)} blocks planned in {time.monotonic() - began:.1f} s, {memory():.0f} MiB", flush=True)
    began, busy = time.monotonic(), 0.0
    with connected(Asked(None, "cpu", 2)) as pool:
        ready = time.monotonic()
        for number, done in enumerate(worked(blocks, Stub, {"job": job, "bare": asked.bare}, pool), start=1):
            busy += done.count / 1e6
            if number % max(1, len(blocks) // 10) == 0:
                print(f"{number} blocks, {time.monotonic() - ready:.0f} s, driver {memory():.0f} MiB", flush=True)
        ended = time.monotonic()
    print(f"Ray started in {ready - began:.1f} s and stopped in {time.monotonic() - ended:.1f} s", flush=True)
    idle = (ended - ready) - busy / pool.workers
    began = time.monotonic()
    rows = asked.rows if asked.bare else finish(job, blocks, {})[0]
    print(f"index of {len(blocks)} shards: {time.monotonic() - began:.1f} s")
    print(f"{ended - ready:.0f} s for {rows} rows, of which a worker was busy for {busy / pool.workers:.0f} s")
    print(f"idle {idle:.1f} s: {idle / len(blocks) * 1e3:.1f} ms a block, {idle / (rows / RATE):.5%} of MiniLM's time,")
    print(f"{rows / RATE / 3600:.1f} h in 8-bit integers on two cores")
    return 0


def memory() -> float:
    """MiB of this process."""
    return float(psutil.Process().memory_info().rss) / 2**20


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kills", "overhead"])
    parser.add_argument("--model", default="models/encoder")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--block", type=int, default=1 << 16)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="terna-files-") as scratch:
        return (kills if asked.what == "kills" else overhead)(asked, Path(scratch))


if __name__ == "__main__":
    sys.exit(main())
