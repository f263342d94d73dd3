"""Several processes that train one model, on one machine or more: what they must share, and the loss of one."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.strategies import DDPStrategy, Strategy

from terna.errors import ProcessError, words_of
from terna.provenance import flat
from terna.settings import Machine
from terna.training.resume import CHECKPOINT, differences, steps_done
from terna.training.sharding import sharded_strategy

AGAIN = "the same command on all machines resumes from the last checkpoint, or from the start if none was written yet"
# sessions in which SLURM's variables say nothing of the processes: Lightning's names for them
INTERACTIVE = ("bash", "interactive")


def strategy_of(machine: Machine) -> Strategy | str:
    """Lightning's strategy; ProcessError when torchrun or srun started other processes than `machine` says."""
    found, wanted = _launched(), (machine.devices, machine.nodes)
    if found and found[1:] != wanted:
        launcher, devices, nodes = found
        raise ProcessError(
            f"{launcher} started {devices} on each of {nodes} machines, and machine.devices is {wanted[0]}, "
            f"machine.nodes {wanted[1]}; give machine.devices={devices} machine.nodes={nodes}, or start as many"
        )
    if machine.devices * machine.nodes == 1:
        return "auto"
    if machine.sharded:
        return sharded_strategy(machine)
    return DDPStrategy(timeout=timedelta(seconds=machine.timeout))


def _launched() -> tuple[str, int, int] | None:
    """Who started this process among others, how many on a machine, and on how many machines; None: no launcher."""
    given = os.environ
    if "TORCHELASTIC_RUN_ID" in given:
        local = int(given["LOCAL_WORLD_SIZE"])
        return "torchrun", local, int(given["WORLD_SIZE"]) // local
    if given.get("SLURM_JOB_NAME") not in INTERACTIVE and {"SLURM_NTASKS_PER_NODE", "SLURM_NNODES"} <= given.keys():
        return "srun", int(given["SLURM_NTASKS_PER_NODE"]), int(given["SLURM_NNODES"])
    return None


class Agreement(Callback):
    """Before the first step all processes compare their run with the first one's, and all end where one has another.

    run: all that the outcome depends on, nested as in the settings. checkpoint: what this process resumes from. Raises
    ProcessError, in the process that differs with each key and both its values.
    """

    def __init__(self, run: Mapping[str, Any], checkpoint: Path | None) -> None:
        self.run = run
        self.checkpoint = checkpoint

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare, when the processes are connected and before a checkpoint is loaded."""
        if trainer.world_size == 1:
            return
        found = f"of step {steps_done(self.checkpoint)}" if self.checkpoint else "none"
        ours = dict(flat(self.run)) | {CHECKPOINT: found}
        different = differences(trainer.strategy.broadcast(ours), ours)
        if trainer.strategy.reduce_boolean_decision(not different, all=True):
            return
        if not different:
            raise ProcessError("another process has other settings, data or checkpoints; its own output says which")
        raise ProcessError(
            "\n".join(
                [
                    f"process {trainer.global_rank} has other settings, data or checkpoints than the first:",
                    *different,
                    "Let them share the project's folder, or copy settings, data/ and checkpoints/ of the first",
                ]
            )
        )


def loss_of_others(error: RuntimeError, step: int) -> ProcessError | None:
    """What to say of an error that the exchange between processes raised after `step`; None for any other error."""
    if not isinstance(error, torch.distributed.DistError) and "gloo" not in str(error).lower():
        return None
    if not torch.distributed.is_initialized():
        return ProcessError(
            f"the processes do not reach each other: {words_of(error)}. Do all run, with one --master-addr and "
            "--master-port that no firewall closes? Where a machine has several networks, or its name is that of "
            "127.0.0.1, name the network: GLOO_SOCKET_IFNAME=eth0 for CPUs, NCCL_SOCKET_IFNAME=eth0 for GPUs"
        )
    return ProcessError(
        f"the other processes are lost after step {step}: {words_of(error)}. One of them was killed or failed (see its "
        f"own output), or its machine is out of reach; {AGAIN}"
    )
