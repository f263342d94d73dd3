"""The distance to the start's weights: by hand, by finite differences, and in a run, however it is computed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from training_inputs import fit, settings_for, weights_of

from terna.encoder import Encoder
from terna.training.regularization import DistanceToStart

Make = Callable[..., Encoder]


def test_it_is_half_the_squared_distance_of_what_is_trained_and_its_gradient_is_that_of_finite_differences() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2)).double()
    module[1].requires_grad_(False)
    distance, before = DistanceToStart(module), weights_of(module)
    assert distance() == 0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    after, trained = weights_of(module), 8
    torch.testing.assert_close(distance(), (after - before)[:trained].pow(2).sum() / 2)
    distance().backward()
    found = torch.cat([parameter.grad.flatten() for parameter in module[0].parameters()])
    with torch.no_grad():
        for number, step in enumerate(torch.eye(trained).double() * 1e-5):
            sides = []
            for sign in (1, -1):
                torch.nn.utils.vector_to_parameters(after[:trained] + sign * step, module[0].parameters())
                sides.append(distance())
            torch.testing.assert_close(found[number], (sides[0] - sides[1]) / 2e-5)
    assert all(parameter.grad is None for parameter in module[1].parameters())


@pytest.mark.parametrize(
    "options",
    [
        (),
        *(
            pytest.param((option,), marks=pytest.mark.slow)
            for option in ("train.packed=false", "train.cached=true", "train.precision=bf16-mixed")
        ),
    ],
)
def test_the_heavier_it_counts_the_nearer_the_weights_stay(
    make_encoder: Make, root: Path, options: tuple[str, ...]
) -> None:
    moved = []
    for weight in (0.0, 1.0, 1e4):
        encoder = make_encoder()
        before = weights_of(encoder)
        fit(encoder, settings_for(root, "train.lr=1e-3", "train.weight_decay=0", f"train.l2_sp={weight}", *options))
        moved.append(float((weights_of(encoder) - before).norm()))
    assert moved[0] > moved[1] > moved[2] > 0
