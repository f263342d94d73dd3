"""Training and encoding side by side with sentence-transformers: ratios, measured in alternation.

    TERNA_MIRROR=/path/to/files python benchmarks/bench.py [--only NAME …] [--pairs 20]        (make bench)

Each side lives in a process of its own and works while the other waits. A ratio is the neighbour's over ours, of one
pair of measurements on the same batch: above 1 ours is faster, or needs less memory. Writes the median, the lowest, the
highest and the number of pairs to benchmarks/results.json, and the table in docs/performance.md. Measures
train_step_minilm and train_memory_minilm (MiniLM, ESXNLI, batch 64), train_step_base (RoBERTa-base's size from random
weights, batch 32), encode_sts (the sentences of STS-2015-es), encode_lines, encode_int8 and encode_best_rival
(benchmarks/lines.py; the last with RIVAL_ONNX and RIVAL_OPENVINO, its --onnx and --openvino), plan_64 and plan_512
(benchmarks/plan.py), startup (a process from its launch to its first step), and memory_cached_1024 (ours alone). On a
GPU, beside these: train_step_gpu and train_step_gpu_tuned, RoBERTa-base's size in bf16 against the neighbour as it is
and tuned, with the share of the chip's measured matrix rate.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from project import prepared
from sides import Ours, Task, Theirs, flops_of_token, serve
from tqdm import tqdm
from workload import OUT, ROOT, composed, scored

from terna.data.token_table import TokenTable
from terna.encoder import save
from terna.records import sentences_of, write_json, write_text
from terna.running.process import environment
from terna.settings.plain_mode import is_plain
from terna.training.batches.plan import plan
from terna.training.setup import build_run

RESULTS = ROOT / "benchmarks" / "results.json"
DOCS = ROOT / "docs" / "performance.md"
MARKS = ("<!-- bench: made by `make bench` -->\n", "<!-- /bench -->")
FOLDER = OUT / "bench"
TOKENS = Path("data") / "tokens"
ESXNLI = ("corpora=esxnli", "triplets=all", "evaluate=sts_es", "triplets.drop_overlap=none")
BASE = "model.scratch={vocab_size:30000,hidden_size:768,layers:12,heads:12,intermediate_size:3072}"
STARTS = 3


class Side:
    """A side in a process of its own."""

    def __init__(self, kind: type, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        start = time.perf_counter()
        self.process = context.Process(target=serve, args=(kind, task, other))
        # before torch is loaded there: ours as every stage sets itself up, the neighbour as it comes
        with patch.dict(os.environ, environment() if kind is Ours else {}):
            self.process.start()
        other.close()
        self.pipe.recv()
        self.startup = time.perf_counter() - start

    def ask(self, method: str, argument: Any) -> tuple[float, float, float | None]:
        """Seconds, peak MiB so far, and what came out."""
        self.pipe.send((method, argument))
        found: tuple[float, float, float | None] = self.pipe.recv()
        return found

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join()


@contextmanager
def sides(task: Task, **tuned: bool) -> Iterator[tuple[Side, Side]]:
    """Both, ready; tuned: whether the neighbour is."""
    both = Side(Ours, task), Side(Theirs, replace(task, **tuned))
    try:
        yield both
    finally:
        for side in both:
            side.close()


def task_of(name: str, *overrides: str) -> Task:
    """A task in a project of its own: ESXNLI's triplets and their tokens, as the stages make them."""
    folder, settings = FOLDER / name, composed(*ESXNLI, *overrides)
    inputs = prepared(settings, folder)
    if settings.model.scratch:
        save(build_run(settings, inputs).encoder, folder / "model")
        overrides = (
            "model=minilm",
            f"model.backbone={folder / 'model'}",
            f"model.max_length={settings.model.max_length}",
        )
    return Task((*ESXNLI, *overrides), folder)


def batches(folder: Path, size: int, count: int) -> list[np.ndarray]:
    """Batches of rows, none of them twice; those of the next epoch when one has too few."""
    table = TokenTable.load(folder / TOKENS)
    keys, found, epoch = np.asarray(table.keys[table.train], np.int64), [], 0
    while len(found) < count:
        found += [*plan(keys, size, 1, epoch).batches]
        epoch += 1
    return found[:count]


def steps(task: Task, size: int, pairs: int, **tuned: bool) -> dict[str, list[float]]:
    """Training steps in alternation: the ratios of their times, and of the peaks in the end."""
    times, rates = [], []
    with sides(task, **tuned) as (ours, theirs):
        first, *rest = batches(task.folder, size, pairs + 1)
        for side in (ours, theirs):  # what a first step sets up is no step's time
            side.ask("step", first)
        for rows in tqdm(rest, unit="pair", desc=f"{task.folder.name}, batch {size}"):
            if task.device == "cuda":
                theirs.ask("prepare", rows) if tuned else None
            mine, peak, loss = ours.ask("step", rows)
            other, their_peak, their_loss = theirs.ask("step", rows)
            times.append(other / mine)
            rates.append(size / mine)
            tqdm.write(f"ours {mine:.2f} s, theirs {other:.2f} s; losses {loss:.3f}, {their_loss:.3f}")
    print(f"ours: {statistics.median(rates):.1f} triplets a second, {peak:,.0f} MiB; theirs: {their_peak:,.0f} MiB")
    return {"steps": times, "memory": [their_peak / peak], "rates": rates}


def minilm(pairs: int) -> dict[str, list[float]]:
    """MiniLM on a CPU, fp32, dropout on."""
    found = steps(task_of("minilm", "model=minilm"), 64, pairs)
    return {"train_step_minilm": found["steps"], "train_memory_minilm": found["memory"]}


def caching(pairs: int) -> dict[str, list[float]]:
    """Ours alone: the peak of batch 64 over that of batch 1,024 with gradient caching."""
    task = task_of("minilm", "model=minilm")
    small, large = Side(Ours, task), Side(Ours, replace(task, cached=True))
    peaks = [small.ask("step", rows)[1] for rows in batches(task.folder, 64, pairs)]
    many = [large.ask("step", np.arange(first, first + 1024))[1] for first in (0, 400)]
    small.close()
    large.close()
    print(f"batch 64: {max(peaks):,.0f} MiB after {pairs} steps; batch 1,024, cached: {max(many):,.0f} MiB")
    return {"memory_cached_1024": [max(peaks) / max(many)]}


def base(pairs: int) -> dict[str, list[float]]:
    """RoBERTa-base's size on a CPU; at batch 64 the neighbour would need some 20 GB."""
    return {"train_step_base": steps(task_of("base", BASE, "model.max_length=128"), 32, max(1, pairs // 4))["steps"]}


def encode(pairs: int) -> dict[str, list[float]]:
    """The sentences of STS-2015-es by MiniLM."""
    table = scored(composed("evaluate=sts_es"), "sts2015-es")
    first, second = sentences_of(table)
    texts = [*first, *second]
    ratios = []
    with sides(task_of("minilm", "model=minilm")) as (ours, theirs):
        for number in range(pairs + 1):
            mine, other = ours.ask("encode", texts)[0], theirs.ask("encode", texts)[0]
            if number:  # the first warms up
                ratios.append(other / mine)
                print(f"encode: ours {len(texts) / mine:.0f} sentences a second, theirs {len(texts) / other:.0f}")
    return {"encode_sts": ratios}


def startup(_: int) -> dict[str, list[float]]:
    """From a process's launch to its being ready for the first step."""
    ratios, task = [], task_of("minilm", "model=minilm")
    for _ in range(STARTS):
        with sides(task) as (ours, theirs):
            ratios.append(theirs.startup / ours.startup)
    return {"startup": ratios}


def planning(size: int, pairs: int) -> dict[str, list[float]]:
    """From the texts of a million triplets to the first batch, of `size`."""
    from plan import measure

    return {f"plan_{size}": measure(size, max(1, pairs // 2))}


def lines(pairs: int) -> dict[str, list[float]]:
    """13,316 lines to a file of vectors, whole processes: in float32, in 8-bit integers, beside the best rival."""
    from lines import RIVALS, speed

    with TemporaryDirectory() as folder:
        rivals = {name: python for name in RIVALS if (python := os.environ.get(f"RIVAL_{name.upper()}"))}
        return speed(Path(folder), max(1, pairs // 4), 20_000, rivals)


def gpu(pairs: int) -> dict[str, list[float]]:
    """RoBERTa-base's size in bf16 on a GPU, batch 64, beside the neighbour as it is (fp32) and tuned."""
    task = replace(task_of("base", BASE, "model.max_length=128"), device="cuda", tuned=True)
    plain, tuned = steps(task, 64, 5 * pairs, tuned=False), steps(task, 64, 5 * pairs, tuned=True)
    table = TokenTable.load(task.folder / TOKENS)
    tokens = float(np.diff(table.offsets)[table.train].sum(axis=1).mean())
    rate = statistics.median(tuned["rates"]) * tokens * flops_of_token(task.settings)
    print(f"{rate / 1e12:.0f} TFLOP/s, {rate / matrix_rate():.1%} of the measured matrix rate")
    return {"train_step_gpu": plain["steps"], "train_step_gpu_tuned": tuned["steps"]}


def matrix_rate(size: int = 8192, times: int = 50) -> float:
    """Floating-point operations a second of square bf16 matrix products."""
    one = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        one @ one
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        one @ one
    torch.cuda.synchronize()
    return times * 2 * size**3 / (time.perf_counter() - start)


MEASURES: dict[str, Callable[[int], dict[str, list[float]]]] = {
    "minilm": minilm,
    "caching": caching,
    "base": base,
    "encode": encode,
    "lines": lines,
    "plan_64": partial(planning, 64),
    "plan_512": partial(planning, 512),
    "startup": startup,
    "gpu": gpu,
}
TOLD = {
    "train_step_minilm": "training step, MiniLM, batch 64",
    "train_memory_minilm": "peak memory of these steps",
    "memory_cached_1024": "terna alone: peak memory at batch 64, divided by that at batch 1,024 with gradient caching",
    "train_step_base": "training step, RoBERTa-base's size, batch 32",
    "encode_sts": "encoding STS-2015-es, MiniLM",
    "encode_lines": "13,316 lines to a file of vectors, whole processes, MiniLM",
    "encode_int8": "the same, terna in 8-bit integers",
    "encode_best_rival": "the same, both in 8-bit integers, the fastest backend of sentence-transformers",
    "plan_64": "planning: from the texts of a million triplets to the first batch of 64",
    "plan_512": "the same, first batch of 512",
    "startup": "start-up: from launch to the first training step",
    "train_step_gpu": "training step on a GPU, bf16, RoBERTa-base's size, batch 64",
    "train_step_gpu_tuned": "the same, sentence-transformers tuned",
}


def summary(ratios: list[float]) -> dict[str, float]:
    """What is kept of a measure's ratios."""
    return {
        "median": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "pairs": len(ratios),
    }


def table(results: dict[str, dict[str, float]]) -> str:
    """The results for people, in Markdown."""
    lines = ["| measurement | ratio: median | lowest to highest | pairs |", "|---|--:|--:|--:|"]
    for name, told in TOLD.items():
        if found := results.get(name):
            lines.append(
                f"| {told} | **{found['median']:.1f}** | {found['lowest']:.1f} to {found['highest']:.1f} "
                f"| {found['pairs']} |"
            )
    return "\n".join(lines) + "\n"


def document(results: dict[str, dict[str, float]]) -> None:
    """Put the table into docs/performance.md."""
    before, rest = DOCS.read_text(encoding="utf-8").split(MARKS[0])
    write_text(before + MARKS[0] + table(results) + MARKS[1] + rest.split(MARKS[1], 1)[1], DOCS)


def main() -> None:
    """Measure, and write down after each measure."""
    there = [name for name in MEASURES if name != "gpu" or torch.cuda.is_available()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=there, default=there)
    parser.add_argument("--pairs", type=int, default=20, help="batches of the MiniLM step; others take fewer (20)")
    asked = parser.parse_args()
    if is_plain():
        parser.error("TERNA_PLAIN=1 turns off what is measured here; unset it")
    for name in asked.only:
        found = MEASURES[name](asked.pairs)
        results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        results |= {key: summary(ratios) for key, ratios in found.items()}
        write_json({key: results[key] for key in TOLD if key in results}, RESULTS)
        document(results)
        print(table({key: results[key] for key in found}), flush=True)


if __name__ == "__main__":
    main()
