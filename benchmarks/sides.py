"""The two that are compared, each able to take a training step on a batch of triplets, or to encode.

Both have the same backbone, triplets, batches, loss, optimizer, clipping and dropout, and do in a step all that follows
from the numbers of a batch's triplets: ours gathers token ids, the neighbour tokenises texts, as its trainer does.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from project import loaded
from workload import composed, neighbour

from terna.records import TEXTS
from terna.running.process import settle
from terna.settings import Settings
from terna.training.optimizer import parameter_groups
from terna.training.setup import build_run


@dataclass(frozen=True)
class Task:
    """What a side is built for: settings as overrides, a project's folder, a device, and how it is set.

    tuned: bf16, and for the neighbour sdpa attention and tokenising done ahead, as by loader workers. cached: ours by
    gradient caching.
    """

    overrides: tuple[str, ...]
    folder: Path
    device: str = "cpu"
    tuned: bool = False
    cached: bool = False

    @property
    def settings(self) -> Settings:
        # steps are taken one by one here, at one rate, in one process
        constant = ("train.lr=2e-5", "train.warmup=0.0", "train.gather=false")
        return composed(*self.overrides, *constant, f"train.cached={str(self.cached).lower()}")

    def precision(self) -> AbstractContextManager[Any]:
        """What forward and loss run under."""
        return torch.autocast("cuda", torch.bfloat16) if self.tuned else nullcontext()


class Ours:
    """Packed sentences out of the token table, put together as pipelines/train.py does."""

    def __init__(self, task: Task) -> None:
        settle()  # as every stage does
        self.task = task
        self.run = build_run(task.settings, loaded(task.settings, task.folder))
        self.run.module.to(task.device).train()  # which Lightning does as a run starts
        [self.optimizer], _ = self.run.module.configure_optimizers()

    def step(self, rows: np.ndarray) -> float:
        sentences, *given = self.run.datamodule.parts[0].batches(rows[None], rows[None])[0]
        with self.task.precision():
            loss = self.run.module.loss(self.run.encoder(sentences.to(self.task.device, non_blocking=True)), *given)
        return finish(loss, self.run.encoder, self.optimizer, self.task.settings.train.clip)

    def encode(self, texts: list[str]) -> Any:
        return self.run.encoder.eval().encode(texts)


class Theirs:
    """sentence-transformers."""

    def __init__(self, task: Task) -> None:
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        self.task = task
        columns = pq.read_table(task.folder / "data" / "triplets" / "train.parquet")
        self.texts = [columns[name].to_pylist() for name in TEXTS]
        torch.manual_seed(task.settings.seed)
        self.model = neighbour(task.settings).to(task.device)
        options = task.settings.train
        self.loss = MultipleNegativesRankingLoss(self.model, scale=options.scale)
        groups = parameter_groups(self.model, options.weight_decay, lr=options.lr)
        self.optimizer = torch.optim.AdamW(groups, eps=options.eps)
        self.ahead: dict[bytes, Any] = {}

    def features(self, rows: np.ndarray) -> Any:
        return [self.model.preprocess([column[row] for row in rows]) for column in self.texts]

    def prepare(self, rows: np.ndarray) -> None:
        """Tokenise a batch ahead of its step: what loader workers would have done."""
        self.ahead[rows.tobytes()] = self.features(rows)

    def step(self, rows: np.ndarray) -> float:
        made = self.ahead.pop(rows.tobytes(), None) or self.features(rows)
        moved = [
            {name: value.to(self.task.device) if hasattr(value, "to") else value for name, value in column.items()}
            for column in made
        ]
        with self.task.precision():
            loss = self.loss(moved, None)
        return finish(loss, self.model, self.optimizer, self.task.settings.train.clip)

    def encode(self, texts: list[str]) -> Any:
        return self.model.eval().encode(texts, show_progress_bar=False)


def finish(loss: torch.Tensor, model: torch.nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> float:
    """Backward, clip, step."""
    loss.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def serve(side: Callable[[Task], Any], task: Task, pipe: Any) -> None:
    """Build a side and answer requests until None: (method, argument) → (seconds, peak MiB, what it gave)."""
    built = side(task)
    pipe.send("ready")
    while (request := pipe.recv()) is not None:
        method, argument = request
        start = time.perf_counter()
        given = getattr(built, method)(argument)
        if task.device == "cuda":
            torch.cuda.synchronize()
        pipe.send((time.perf_counter() - start, peak(task.device), given if isinstance(given, float) else None))


def peak(device: str) -> float:
    """Peak memory in MiB: the accelerator's, or this process's (ru_maxrss is in KiB on Linux, in bytes on macOS)."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def flops_of_token(settings: Settings) -> float:
    """Multiplications and additions that a token costs in a step, attention's own left out: 6 for each weight."""
    from transformers import AutoConfig, AutoModel

    from terna.encoder import locate

    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.from_pretrained(locate(settings.model.backbone)))
    inner: Sequence[torch.nn.Parameter] = [
        each for name, each in model.named_parameters() if "embeddings" not in name and "pooler" not in name
    ]
    return 6.0 * sum(each.numel() for each in inner)
