"""The loss of pairs with a class: softmax classification, as in the original Sentence-BERT."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from terna.training.losses.vectors import at_least_float32, check_pairs


def classifier(dimension: int, classes: int, seed: int) -> nn.Linear:
    """The linear map from (u, v, |u - v|) to a number for each class, whose first weights are a function of the seed.

    dimension: of a sentence vector. It is trained beside the encoder and is no part of it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(3 * dimension, classes)


def softmax_loss(first: Tensor, second: Tensor, classes: Tensor, layer: nn.Linear) -> Tensor:
    """Cross-entropy of each pair's class by a linear map of (u, v, |u - v|).

    first, second: (B, d), u and v. classes: (B,) int64, from 0. The loss is a scalar, in float32 or better whatever the
    embeddings and autocast are. Raises DataError on shapes that do not fit each other.

    Source: Reimers and Gurevych, Sentence-BERT, 2019, section 3.
    """
    check_pairs(first, second, classes, "classes")
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first), at_least_float32(second)
        features = torch.cat([first, second, (first - second).abs()], dim=1)
        return cross_entropy(linear(features, at_least_float32(layer.weight), at_least_float32(layer.bias)), classes)
