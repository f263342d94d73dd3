"""Several trainings from one start within a run, for the average of the weights that they end with."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from terna.encoder import Encoder
from terna.training.selection import keep


class Restarts(Callback):
    """After each training but the last puts `module` and its optimizer back to the start; keeps what each ended with.

    steps: optimizer steps of each training. paths: where their last weights lie, in `folder`; empty for a single one.
    The start is the module as it is given here, before a checkpoint is loaded into it.
    Source: Wortsman et al., Model Soups, 2022.
    """

    def __init__(self, module: LightningModule, steps: Sequence[int], folder: Path) -> None:
        self.ends = np.cumsum(steps).tolist()
        self.paths = [folder / f"trained-{number}.safetensors" for number in range(1, len(steps) + 1) if len(steps) > 1]
        self.start: dict[str, Tensor] = {}
        if self.paths:
            self.start = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """Keep the weights of a training that has ended, and start the next."""
        if not self.paths or trainer.global_step not in self.ends:
            return
        number = self.ends.index(trainer.global_step)
        if trainer.is_global_zero:
            keep(cast(Encoder, pl_module.encoder), self.paths[number])
        if number + 1 < len(self.ends):
            pl_module.load_state_dict(self.start)
            trainer.optimizers[0].state.clear()
