"""Weights, gradients and optimizer in shards, one for each process: torch's FSDP2, by Lightning's strategy for it."""

import hashlib
from datetime import timedelta

import torch
from pytorch_lightning.strategies import ModelParallelStrategy, Strategy
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from terna.encoder import Encoder
from terna.errors import ModelError, ProcessError
from terna.settings import Machine
from terna.training.optimizer import layers_of


def sharded_strategy(machine: Machine) -> ModelParallelStrategy:
    """Lightning's strategy for shards over all processes; a checkpoint is one file, which the first writes."""
    return ModelParallelStrategy(
        data_parallel_size=machine.devices * machine.nodes,
        tensor_parallel_size=1,
        save_distributed_checkpoint=False,
        timeout=timedelta(seconds=machine.timeout),
    )


def shard(encoder: Encoder, mesh: DeviceMesh, strategy: Strategy) -> None:
    """Leave each process of `mesh` its share of each weight: those of a layer are gathered while it is computed.

    Raises ModelError when it is not plain which modules are the layers, or the backbone takes sentences by length;
    ProcessError when another process starts from other weights.

    Source: Zhao et al., PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel, 2023.
    """
    if encoder.token_vectors.way == "by length":
        raise ModelError(
            f"machine.sharded: {encoder.token_vectors.name} takes sentences of one length at a time, and then the "
            "processes do not gather its layers equally often; set it to false"
        )
    layers = layers_of(encoder, "machine.sharded", "false")
    _check_start(encoder, strategy)
    encoder.sharded = True
    head = [encoder.head] if encoder.head.state_dict() else []  # which is also called by itself
    for module in (*layers, *head, encoder):
        fully_shard(module, mesh=mesh, reshard_after_forward=True)


def whole_weights(encoder: Encoder) -> dict[str, Tensor]:
    """An encoder's weights by name; of one in shards gathered for the first process, empty in the others.

    All processes call it then, each at the same step.
    """
    if not encoder.sharded:
        return encoder.state_dict()
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    gathered: dict[str, Tensor] = get_model_state_dict(encoder, options=options)  # type: ignore[assignment]
    return gathered


def all_finite(module: nn.Module, strategy: Strategy) -> bool:
    """Whether all weights are finite numbers, in all processes."""
    own = all(bool(local(parameter).isfinite().all()) for parameter in module.parameters())
    return strategy.reduce_boolean_decision(own, all=True)


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor: all of it, where it is not in shards."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _check_start(encoder: Encoder, strategy: Strategy) -> None:
    """ProcessError unless all processes have the same weights, of which each would keep its share."""
    found = hashlib.sha256()
    for value in encoder.state_dict().values():
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    own = found.hexdigest()
    same = strategy.broadcast(own) == own
    if not strategy.reduce_boolean_decision(same, all=True):
        raise ProcessError(
            "model.backbone: the processes start from different weights; give all machines the same folder, or pin "
            "the hub's commit with model.revision"
        )
