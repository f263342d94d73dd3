"""Linear layers while encoding on a CPU: by oneDNN, in float32 or in 8-bit integers.

torch multiplies float32 by MKL, which took 2.3 times as long as oneDNN on the AMD processor that both were measured on.
Training is left to torch's own choice, so that a run's bytes do not depend on this.
"""

import torch
from torch import Tensor, nn

from terna.errors import ModelError
from terna.settings.plain_mode import is_plain

# the largest 8-bit integer of a row, and what makes it one without a sign
MOST, SHIFT = 127, 128


class Linear(nn.Linear):
    """nn.Linear, by oneDNN where no gradient is asked for, on a CPU, in float32."""

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) to (…, out_features)."""
        if (
            torch.is_grad_enabled()
            or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
            or input.device.type != "cpu"
            or not input.dtype == self.weight.dtype == torch.float32
            or torch.is_autocast_enabled("cpu")
        ):
            return super().forward(input)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, "none", [], "")
        return product


class Int8Linear(nn.Module):
    """A Linear's product in 8-bit integers: its weights by output, and what comes in by row, each with its largest.

    A token's vector so depends on nothing that is computed beside it.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scale = weight.abs().amax(1).clamp_(min=torch.finfo(torch.float32).tiny) / MOST
        whole = (weight / scale[:, None]).round_().to(torch.int8)
        self.weight = torch.ops.onednn.qlinear_prepack(whole, None)
        self.scale, self.zeros = scale, torch.zeros(len(whole), dtype=torch.int32)
        self.bias = torch.zeros(len(whole)) if linear.bias is None else linear.bias.detach()

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) float32 to (…, out_features)."""
        rows = input.flatten(0, -2)
        most = rows.abs().amax(-1, keepdim=True).clamp_(min=torch.finfo(torch.float32).tiny)
        whole = (rows * (MOST / most)).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(SHIFT)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, SHIFT, self.weight, self.scale, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return torch.addcmul(self.bias, product, most / MOST).view(*input.shape[:-1], -1)


def replace_linear(network: nn.Module) -> None:
    """Let every Linear within `network` multiply as `Linear` does, where oneDNN is there and TERNA_PLAIN=1 is not."""
    if is_plain() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    for module in network.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


def use_int8(network: nn.Module) -> None:
    """Let every Linear within `network` multiply in 8-bit integers, for encoding alone.

    Raises ModelError for a processor without the instructions for it (VNNI): others would take longer, or overflow.
    """
    if not torch.cpu._is_vnni_supported():
        raise ModelError("int8: this processor has no instructions for it (VNNI); give float32 or bfloat16")
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child))
