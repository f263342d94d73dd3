"""The Dense head: a linear map and its activation on the pooled vector."""

from collections.abc import Callable

from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"tanh": nn.Tanh, "identity": nn.Identity}


class DenseHead(nn.Module):
    """A linear map and its activation (`tanh` or `identity`): (sentences, in) → (sentences, out)."""

    def __init__(self, in_features: int, out_features: int, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.activation = activation
        self.apply_activation = ACTIVATIONS[activation]()

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled vectors."""
        result: Tensor = self.apply_activation(self.linear(pooled))
        return result
