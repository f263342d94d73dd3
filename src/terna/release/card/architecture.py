"""The encoder's modules, as sentence-transformers prints them."""

from typing import Any

from terna.markdown import fenced
from terna.settings import Model

ACTIVATIONS = {"tanh": "torch.nn.modules.activation.Tanh", "identity": "torch.nn.modules.linear.Identity"}


def section(model: Model, width: int, architecture: str) -> str:
    """The last section; width: of a token vector; architecture: the backbone's class."""
    cut = {"max_seq_length": model.max_length, "do_lower_case": False}
    modules = [
        f"Transformer({cut}) with Transformer model: {architecture}",
        f"Pooling({_pooling(model.pooling, width)})",
    ]
    if model.dense:
        modules.append(f"Dense({_dense(width, model.dense.out_features, model.dense.activation)})")
    lines = [f"  ({number}): {module}" for number, module in enumerate(modules)]
    block = "\n".join(["SentenceTransformer(", *lines, ")"])
    return f"## Full Model Architecture\n\n{fenced(block)}"


def _pooling(pooling: str, width: int) -> dict[str, Any]:
    return {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": pooling == "max",
        "pooling_mode_mean_sqrt_len_tokens": False,
    }


def _dense(width: int, out_features: int, activation: str) -> dict[str, Any]:
    return {
        "in_features": width,
        "out_features": out_features,
        "bias": True,
        "activation_function": ACTIVATIONS[activation],
    }
