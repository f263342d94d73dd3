"""What of a backbone is trained, where it is not all of it: low-rank adapters, or the word embeddings alone.

LoRA through peft: small matrices are trained beside the frozen ones, and added to them in the end.
"""

from typing import Any

from terna.encoder import Encoder
from terna.encoder.dropout import replace_dropout
from terna.errors import ModelError
from terna.settings import Lora


def adapt(encoder: Encoder, settings: Lora) -> None:
    """Put adapters beside every linear map of the backbone and freeze the rest of it; a Dense head still learns.

    Raises ModelError when peft is not installed.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2021.
    """
    peft = _peft()
    options = peft.LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules="all-linear"
    )
    peft.inject_adapter_in_model(options, encoder.backbone)
    replace_dropout(encoder.backbone)
    pooler = getattr(encoder.backbone, "pooler", None)
    if pooler is not None:  # it lies beside the path to our vector, and so do its adapters
        pooler.requires_grad_(False)


def freeze_layers(encoder: Encoder) -> None:
    """Leave nothing to train of the backbone but its word embeddings; a Dense head still learns."""
    encoder.backbone.requires_grad_(False)
    encoder.backbone.get_input_embeddings().requires_grad_(True)


def merge(encoder: Encoder) -> None:
    """Add the adapters to the matrices that they stand beside: the backbone is a plain one again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(encoder.backbone.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            holder, _, own = name.rpartition(".")
            setattr(encoder.backbone.get_submodule(holder), own, module.get_base_layer())
    encoder.backbone.requires_grad_(True)
    for leftover in ("peft_config", "_hf_peft_config_loaded"):
        encoder.backbone.__dict__.pop(leftover, None)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise ModelError("train.lora: the package peft is not installed; pip install -e '.[lora]'") from error
    return peft
