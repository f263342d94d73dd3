"""A backbone with some of its transformer layers."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from terna.encoder.pretrained import LAYERS
from terna.errors import ModelError
from terna.settings import Model

# what a configuration says of each layer
EACH = ("layer_types",)
# what says where a layer is, how many there are, or that they are trained, and not what one does
APART = (*LAYERS, "layer_idx", "layer_id", "training")


def check_layers(model: Model, config: PreTrainedConfig) -> None:
    """Raise ModelError when model.layers names a layer that the start does not have."""
    if model.layers and model.layers[-1] >= (count := int(config.num_hidden_layers)):
        raise ModelError(
            f"model.layers: {model.layers[-1]}, but {model.backbone} has {count} layers, 0 to {count - 1}; name some "
            "of them"
        )


def keep_layers(backbone: PreTrainedModel, layers: list[int]) -> PreTrainedModel:
    """A backbone of these layers alone, counted from 0, which its configuration describes.

    Raises ModelError for a kind whose layers do not stand in one list, or which a configuration of fewer layers makes
    otherwise: a first layer unlike the others, or one whose window depends on its number.
    """
    path = _path(backbone)
    config = deepcopy(backbone.config)
    for name in EACH:
        if stated := getattr(config, name, None):
            setattr(config, name, [stated[number] for number in layers])
    config.num_hidden_layers = len(layers)
    # as reading the folder makes it
    config = type(config).from_dict(config.to_dict())
    with torch.random.fork_rng(devices=[]):
        made: PreTrainedModel = type(backbone)(config)
    made.train(backbone.training)
    old: Any = backbone.get_submodule(path)
    backbone.set_submodule(path, nn.ModuleList(old[number] for number in layers))
    if differing := [name for name, kind in _kinds(backbone).items() if _kinds(made).get(name) != kind]:
        raise ModelError(
            f"model.layers: {layers}: {type(backbone).__name__} makes {differing[0]} another one when it has those "
            f"{len(layers)} layers alone; choose others, or set it to null"
        )
    made.load_state_dict(backbone.state_dict())
    made.name_or_path = backbone.name_or_path
    made.config._commit_hash = getattr(backbone.config, "_commit_hash", None)
    return made


def _path(backbone: PreTrainedModel) -> str:
    """The name of the list of layers; ModelError where there is not one."""
    count = backbone.config.num_hidden_layers
    lists = ((name, part) for name, part in backbone.named_modules() if isinstance(part, nn.ModuleList))
    found: list[str] = [name for name, part in lists if len(part) == count]
    outer = [name for name in found if not any(name.startswith(f"{other}.") for other in found)]
    if len(outer) != 1:
        raise ModelError(
            f"model.layers: the layers of {type(backbone).__name__} do not stand in one list, so that none can be left "
            "out; set it to null"
        )
    (path,) = outer
    return path


def _kinds(backbone: PreTrainedModel) -> dict[str, tuple[Any, ...]]:
    """Of each module and weight by name what it is, and the plain settings that it was made with."""
    modules = {name: (type(part), _settings(part)) for name, part in backbone.named_modules() if name}
    return modules | {name: tuple(value.shape) for name, value in backbone.state_dict().items()}


def _settings(part: nn.Module) -> dict[str, Any]:
    """The plain values that a module was made with."""
    plain = (bool, int, float, str, type(None))
    own = {name: value for name, value in vars(part).items() if not name.startswith("_") and name not in APART}
    return {name: value for name, value in own.items() if isinstance(value, plain)}
