"""Lightning's Trainer as this project sets it up: a run from its start or from a checkpoint, and what it took."""

import logging
import resource
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import AdvancedProfiler, Profiler, SimpleProfiler
from pytorch_lightning.utilities.exceptions import SIGTERMException

from terna.errors import ModelError
from terna.running.signals import unhandled
from terna.settings import Machine, Settings, Train
from terna.settings.plain_mode import is_plain
from terna.training.parts.part import Part
from terna.training.parts.ranked import RankedPart
from terna.training.processes import loss_of_others, strategy_of
from terna.training.restarts import phases
from terna.training.resume import steps_done
from terna.training.selection import Selection
from terna.training.setup import Run

# losses that their authors write otherwise than the settings
SPELLED = {"cosent": "CoSENT", "angle": "AnglE", "simcse": "SimCSE", "tsdae": "TSDAE"}


class Taken(NamedTuple):
    """Steps and seconds of a run since it last started or resumed."""

    steps: int
    seconds: float


def build_trainer(
    settings: Settings, callbacks: Sequence[Callback], loggers: Sequence[Logger] = (), profiler: Profiler | None = None
) -> Trainer:
    """A deterministic trainer, without Lightning's own checkpoints and validation loop."""
    machine, precision = settings.machine, settings.train.precision
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    return Trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        strategy=strategy_of(machine),
        precision="32-true" if precision == "tf32" else precision,
        max_epochs=phases(settings.train)[-1].stop,
        gradient_clip_val=settings.train.clip or None,
        callbacks=list(callbacks),
        logger=list(loggers),
        profiler=profiler,
        log_every_n_steps=1,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=machine.progress,
        deterministic=True,
    )


def profiler_of(machine: Machine, folder: Path) -> Profiler | None:
    """What measures where the time goes, and writes it to folder/fit-profile.txt."""
    kinds = {"simple": SimpleProfiler, "advanced": AdvancedProfiler}
    return kinds[machine.profiler](dirpath=folder, filename="profile") if machine.profiler else None


def fit(trainer: Trainer, run: Run, checkpoint: Path | None = None) -> Taken:
    """Train from the start, or from a checkpoint to the end; what that took.

    When SIGTERM or Ctrl-C stopped the run, says how to resume, and ends with a shell's status for that. Raises
    ModelError for a precision that the device lacks, and for a damaged checkpoint, ProcessError when another of several
    processes is lost.
    """
    if trainer.strategy.root_device.type == "cpu" and trainer.precision == "16-mixed":
        raise ModelError("train.precision: 16-mixed needs a GPU (machine=gpu); choose 32-true or bf16-mixed")
    start, first = time.perf_counter(), steps_done(checkpoint) if checkpoint else 0
    try:
        with unhandled():
            trainer.fit(run.module, run.datamodule, ckpt_path=checkpoint, weights_only=True)
    except SIGTERMException:
        print(f"stopped by SIGTERM after step {trainer.global_step}; the same command resumes there", file=sys.stderr)
        sys.exit(143)
    except RuntimeError as error:
        if fault := loss_of_others(error, trainer.global_step):
            raise fault from error
        raise
    except SystemExit as end:  # what Lightning makes of Ctrl-C
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        told = f"stopped by Ctrl-C after step {trainer.global_step}; the same command resumes from the last checkpoint"
        print(f"{told}, or from the start if none was written yet", file=sys.stderr)
        sys.exit(130)
    return Taken(trainer.global_step - first, time.perf_counter() - start)


def summary(settings: Settings, run: Run, trainer: Trainer, selection: Selection) -> dict[str, Any]:
    """What metrics/train.json tells of a run that has ended: the same of each run with the same outcome."""
    datamodule, learnt = run.datamodule, run.datamodule.learnt(trainer.global_step)
    # with those of which all is left out
    parts = {part.unit: part for part in run.datamodule.parts if part in learnt or not any(part.steps)}
    ranked = datamodule.batch_size if settings.train.gather else datamodule.batch_size // trainer.world_size
    losses = {part.shape: loss_of(settings.train, part) for part in learnt}
    return {
        **{unit: part.count for unit, part in parts.items()},
        "batch_size": datamodule.batch_size,
        **{
            "negatives_per_anchor" if unit == RankedPart.unit else f"{unit}_negatives_per_anchor": (
                (part.columns - 1) * ranked - 1
            )
            for unit, part in parts.items()
            if isinstance(part, RankedPart) and part.shape not in run.module.own
        },
        # each loss once; not said where there is the usual one of triplets, or a teacher's, alone
        **({"losses": [*losses.values()]} if [*losses.values()] not in (["ranking"], ["distillation"]) else {}),
        **({"own_losses": {own.path: own.sha256 for own in run.module.own.values()}} if run.module.own else {}),
        "epochs": settings.train.epochs,
        "steps": trainer.global_step,
        "steps_per_epoch": datamodule.steps,
        **({f"{unit}_steps_per_epoch": part.steps for unit, part in parts.items()} if len(parts) > 1 else {}),
        **{f"{unit}_left_out_per_epoch": part.left_out for unit, part in parts.items()},
        "selected_step": selection.best_step,
        "selected_on": f"{settings.evaluate.select_on} {settings.evaluate.main_score}",
        "selected_score": selection.best,
        **({"selected_share": selection.share} if settings.train.wise_ft else {}),
        **({"selected_soup": selection.kept_soup} if settings.train.soup else {}),
        **({"selected_ema": selection.kept_ema} if settings.train.ema is not None else {}),
        # beside padding its backbone gives other vectors
        **({"one_length_at_a_time": True} if run.module.encoder.token_vectors.way == "by length" else {}),
        # weights of several processes have other bytes, and so have those that TERNA_PLAIN=1 gave
        **({"processes": trainer.world_size} if trainer.world_size > 1 else {}),
        **({"sharded": True} if settings.machine.sharded else {}),
        **({"plain": True} if is_plain() else {}),
        **({"debug": asdict(settings.train.debug)} if settings.train.debug else {}),
    }


def check_overfit(settings: Settings, losses: Sequence[float]) -> None:
    """Raise ModelError where a run that overfits one batch did not lower its loss. losses: of each step."""
    debug = settings.train.debug
    if debug and debug.overfit and debug.steps > 1 and not losses[debug.steps - 1] < losses[0]:
        raise ModelError(
            f"train.debug.overfit: the loss of one batch was {losses[0]:.4f} in the first step and "
            f"{losses[debug.steps - 1]:.4f} in step {debug.steps}; it must fall. Look at train.lr and train.loss"
        )


def loss_of(train: Train, part: Part) -> str:
    """What the examples of a part are learnt by, as the card says it."""
    if part.shape is None:
        return "distillation"
    chosen: str = getattr(train.loss, part.shape)
    return SPELLED.get(chosen, chosen)


def measured(run: Run, trainer: Trainer, taken: Taken) -> dict[str, float]:
    """What a run took, which no two share: speed, seconds, memory in MiB."""
    parts = run.datamodule.parts
    unit = parts[0].unit if len(parts) == 1 else "examples"
    return {
        f"{unit}_per_second": round(taken.steps * run.datamodule.batch_size / taken.seconds, 2),
        "seconds": round(taken.seconds, 1),
        "peak_memory_mb": round(_peak_memory(trainer) / 2**20),
    }


def quiet() -> None:
    """Leave out what Lightning says that is no news here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers")  # batches are gathered arrays
    warnings.filterwarnings("ignore", message=".isinstance.treespec, LeafSpec")  # Lightning's own


def _peak_memory(trainer: Trainer) -> int:
    """Bytes: the accelerator's where there is one, else the process's."""
    if trainer.strategy.root_device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
