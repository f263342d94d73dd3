"""What a run is remembered by: its curves, and the checkpoint from which it resumes."""

import math
import signal
import threading
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor

from terna.errors import ModelError
from terna.records import sync
from terna.training.history import Curves
from terna.training.sharding import all_finite

# steps whose losses are fetched from the device together: fetching makes it wait
FETCH = 50


class Recorder(Callback):
    """Keeps the loss and the rate of each step and the figures of each scoring, and hands them to the loggers.

    They are part of a checkpoint: a resumed run has the curves of one that was never stopped. A loss that is not a
    number ends the run: describe(step) says what the batch of that step is, in the message.

    plots: where the curves are written while the run goes on; None: nowhere.
    """

    def __init__(self, describe: Callable[[int], str], plots: Path | None = None) -> None:
        self.describe = describe
        self.plots = plots
        self.curves = Curves()
        self.lr = 0.0
        self.waiting: list[tuple[int, float, Tensor]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write and log what came before: nothing, or what the checkpoint has from which the run resumes.

        So rows of steps after the checkpoint are not twice in the files.
        """
        if not trainer.is_global_zero:
            self.plots = None
        if self.plots:
            self.curves.write(self.plots)
        for row in sorted([*self.curves.trained, *self.curves.scored], key=lambda row: row["step"]):
            self._tell(trainer, row)

    def on_train_batch_start(self, trainer: Trainer, *_: object) -> None:
        """Keep the rate that the step is taken with."""
        self.lr = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: object) -> None:
        """Keep the loss; fetch what has gathered when it is time."""
        self.waiting.append((trainer.global_step, self.lr, outputs["loss"].detach()))
        on_cpu = trainer.strategy.root_device.type == "cpu"
        if on_cpu or len(self.waiting) == FETCH or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.fetch(trainer)

    def scored(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Keep the figures of a scoring."""
        row = {"step": trainer.global_step} | {f"dev/{name}": value for name, value in figures.items()}
        self.curves.scored.append(row)
        if self.plots:
            self.curves.write_scored(self.plots)
        self._tell(trainer, row)

    def fetch(self, trainer: Trainer) -> None:
        """Take the losses from the device; ModelError when one is not finite, with its step and batch."""
        if not self.waiting:
            return
        own = torch.stack([loss for _, _, loss in self.waiting])
        losses = trainer.strategy.reduce(own, reduce_op="mean").tolist()  # over the processes
        rows = [
            {"step": step, "loss": loss, "lr": lr} for (step, lr, _), loss in zip(self.waiting, losses, strict=True)
        ]
        self.waiting.clear()
        sound = list(takewhile(lambda row: math.isfinite(row["loss"]), rows))
        self.curves.add(sound, self.plots)
        for row in sound:
            self._tell(trainer, row)
        if len(sound) < len(rows):
            row = rows[len(sound)]
            raise ModelError(f"the loss of step {row['step']} is {row['loss']}: {self.describe(int(row['step']))}")

    def state_dict(self) -> dict[str, Any]:
        """The curves so far."""
        return {"trained": self.curves.trained, "scored": self.curves.scored}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the curves of a checkpoint."""
        self.curves = Curves(**state_dict)

    @staticmethod
    def _tell(trainer: Trainer, row: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))


class Checkpoints(Callback):
    """Writes to `path` all that the run needs to resume: every `every` steps, and when SIGTERM asks it to stop.

    recorder: whose losses are looked at first, so that what is kept is sound. saved: called after each.
    """

    asked = False

    def __init__(self, path: Path, every: int, recorder: Recorder, saved: Callable[[], None]) -> None:
        self.path = path
        self.every = every
        self.recorder = recorder
        self.saved = saved

    def on_train_start(self, trainer: Trainer, *_: object) -> None:
        """Take SIGTERM, whichever process it comes to, as a wish that all end after the step.

        In place of Lightning's handler, which talks to the other processes in the middle of what they exchange.
        """
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Save when it is time, on all processes or on none; SIGTERMException when they are to end."""
        asked = trainer.strategy.reduce_boolean_decision(self.asked, all=False)
        if not asked and trainer.global_step % self.every:
            return
        self.recorder.fetch(trainer)
        if not all_finite(pl_module, trainer.strategy):
            step = trainer.global_step
            raise ModelError(f"the weights are no longer finite after step {step}: {self.recorder.describe(step)}")
        beside = self.path.with_name(f".{self.path.name}.part")
        trainer.save_checkpoint(beside)
        if trainer.is_global_zero:
            sync(beside)
            beside.replace(self.path)
            sync(self.path.parent)  # before older weights are removed
            self.saved()
        if asked:
            trainer.strategy.barrier()  # who ends first may take the others along
            raise SIGTERMException
