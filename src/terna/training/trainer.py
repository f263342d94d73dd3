"""Lightning's Trainer as this project sets it up: a run from its start or from a checkpoint, and its memory."""

import resource
import sys
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from terna.errors import ModelError
from terna.settings import Settings
from terna.tracking import loggers
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.selection import Selection


def build_trainer(
    settings: Settings, recorder: Recorder, selection: Selection, checkpoint: Path, logs: Path
) -> Trainer:
    """A deterministic trainer with our selection in place of its validation loop; where its checkpoint and logs go."""
    machine, precision = settings.machine, settings.train.precision
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    checkpoints = Checkpoints(checkpoint, machine.checkpoint_every, recorder, selection.prune)
    callbacks: list[Callback] = [recorder, selection, checkpoints]  # each is part of what the next keeps
    return Trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        strategy="ddp" if machine.devices * machine.nodes > 1 else "auto",
        precision="32-true" if precision == "tf32" else precision,
        max_epochs=settings.train.epochs,
        gradient_clip_val=settings.train.clip or None,
        callbacks=callbacks,
        logger=loggers.build(settings, logs),
        log_every_n_steps=1,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=machine.progress,
        deterministic=True,
    )


def steps_done(checkpoint: Path | None) -> int:
    """The steps that a checkpoint has behind it."""
    if checkpoint is None:
        return 0
    return int(torch.load(checkpoint, weights_only=True, mmap=True, map_location="cpu")["global_step"])


def fit(trainer: Trainer, module: LightningModule, datamodule: LightningDataModule, checkpoint: Path | None) -> None:
    """Train; when SIGTERM stopped it, say how to resume, and end with a shell's status for that."""
    if trainer.strategy.root_device.type == "cpu" and trainer.precision == "16-mixed":
        raise ModelError("train.precision: 16-mixed needs a GPU (machine=gpu); choose 32-true or bf16-mixed")
    try:
        trainer.fit(module, datamodule, ckpt_path=checkpoint, weights_only=True)
    except SIGTERMException:
        print(f"stopped by SIGTERM after step {trainer.global_step}; the same command resumes there", file=sys.stderr)
        sys.exit(143)


def peak_memory(trainer: Trainer) -> int:
    """Bytes: the accelerator's where there is one, else the process's."""
    if trainer.strategy.root_device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
