"""What keeps the trained weights near those that training starts from."""

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class DistanceToStart:
    """Half the sum of the squared distances of a module's trained weights to what they are now, as a scalar.

    Make it before training; of a run that resumes, before its checkpoint is loaded.

    Source: Li, Grandvalet and Davoine, Explicit Inductive Bias for Transfer Learning with Convolutional Networks, 2018,
    equation 1 (L2-SP); a head that starts from random weights is kept near these too.
    """

    def __init__(self, module: nn.Module) -> None:
        self.trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.start = [parameter.detach().clone() for parameter in self.trained]

    def __call__(self) -> Tensor:
        """The distance, through which the gradient flows."""
        device = self.trained[0].device
        self.start = [start.to(device) for start in self.start]  # Lightning moves the module when the fit begins
        pairs = zip(self.trained, self.start, strict=True)
        return torch.stack([mse_loss(own, start, reduction="sum") for own, start in pairs]).sum() / 2
