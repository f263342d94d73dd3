"""Phases of a run: each begins with a new optimizer, and in a soup from the start's weights."""

from pathlib import Path

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from terna.settings import Train
from terna.training.module import TrainingModule
from terna.training.selection import keep


def phases(options: Train) -> list[range]:
    """The epochs of each part of the run that has an optimizer and a schedule of its own."""
    trainings = [range(number * options.epochs, (number + 1) * options.epochs) for number in range(options.soup or 1)]
    return [*trainings, *([range(options.epochs, options.epochs + options.after.epochs)] if options.after else [])]


class Restarts(Callback):
    """After each phase of `module` but the last forgets the optimizer's moments: the next one's gradients are others.

    With train.soup the weights go back to the start too, and what each training ended with is kept: paths, in `folder`,
    empty without it. The start is the module as it is given here, before a checkpoint is loaded into it.
    Source: Wortsman et al., Model Soups, 2022.
    """

    def __init__(self, module: TrainingModule, folder: Path) -> None:
        self.encoder = module.encoder
        self.ends = np.cumsum(module.steps).tolist()
        soup = module.settings.soup or 0
        self.paths = [folder / f"trained-{number}.safetensors" for number in range(1, soup + 1)]
        self.start: dict[str, Tensor] = {}
        if self.paths:
            self.start = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        """End a phase, and prepare the next."""
        if trainer.global_step not in self.ends:
            return
        number = self.ends.index(trainer.global_step)
        if self.paths and trainer.is_global_zero:
            keep(self.encoder.state_dict(), self.paths[number])
        if number + 1 < len(self.ends):
            trainer.optimizers[0].state.clear()
            if self.paths:
                pl_module.load_state_dict(self.start)
