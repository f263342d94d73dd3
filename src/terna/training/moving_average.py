"""The exponential moving average of the weights along the path of a run."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """The moving average of a module's weights, in float32 or better, that begins at the weights it has now.

    decay: the share of the average so far in the next one.

    Source: Tarvainen and Valpola, Mean Teachers Are Better Role Models, 2017, section 2.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = module
        self.decay = decay
        self.weights = {name: _wide(value).clone() for name, value in module.state_dict().items()}

    def update(self) -> None:
        """Take in the weights after a step; what is no floating-point number is taken as it is."""
        for name, value in self.module.state_dict().items():
            so_far = self.weights[name].to(value.device)
            self.weights[name] = so_far.lerp_(_wide(value), 1 - self.decay) if so_far.is_floating_point() else value

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Resume from the average of a checkpoint."""
        self.weights = dict(weights)


def _wide(value: Tensor) -> Tensor:
    value = value.detach()
    return value.to(torch.promote_types(value.dtype, torch.float32)) if value.is_floating_point() else value
