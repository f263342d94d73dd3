"""A soup's trainings each begin at the start, and the average of what they end with is what NumPy says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from safetensors.torch import load_file
from training_inputs import fit, run_for, scored_for, settings_for, table_for, weights_of
from transformers import get_linear_schedule_with_warmup

from terna.encoder import Encoder
from terna.errors import SettingsError
from terna.settings.training import After
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.optimizer import parameter_groups, warmup_linear
from terna.training.restarts import Restarts
from terna.training.selection import Scored, Selection

Make = Callable[..., Encoder]
# four steps an epoch: two trainings of eight steps
OPTIONS = ("train.epochs=2", "train.soup=2", "train.lr=1e-2")


class Rates(Callback):
    """The rate of each step."""

    def __init__(self) -> None:
        self.used: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, *_: object) -> None:
        self.used.append(trainer.optimizers[0].param_groups[0]["lr"])


class Stop(Callback):
    """Ends the run after a step, before anything is kept of it."""

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == 11:
            raise InterruptedError


def trained(make: Make, root: Path, folder: Path, *options: str, stop: bool = False) -> Encoder:
    encoder, settings = make().train(), settings_for(root, *OPTIONS, *options)
    run = run_for(encoder, settings)
    recorder, restarts = Recorder(str), Restarts(run.module, folder)
    callbacks = [*([Stop()] if stop else []), restarts, Checkpoints(folder / "last.ckpt", 3, recorder, lambda: None)]
    checkpoint = folder / "last.ckpt"
    fit(encoder, settings, *callbacks, checkpoint=checkpoint if checkpoint.exists() else None)
    return encoder


def by_hand(encoder: Encoder, root: Path, epochs: range) -> torch.Tensor:
    """The weights after a training on these epochs' batches of a run, by a loop of its own."""
    settings = settings_for(root, *OPTIONS)
    run, options = run_for(encoder, settings), settings.train
    run.module.trainer = Trainer(logger=False, enable_checkpointing=False, barebones=True)
    run.module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    groups = parameter_groups(encoder, options.weight_decay, lr=options.lr)
    optimizer = torch.optim.AdamW(groups, eps=options.eps, fused=True)
    [part], steps = run.datamodule.parts, sum(run.datamodule.steps[epoch] for epoch in epochs)
    schedule = get_linear_schedule_with_warmup(optimizer, round(options.warmup * steps), steps)
    for epoch in epochs:
        rows = part.rows(epoch)
        for batch in part.batches(rows, rows):
            optimizer.zero_grad()
            run.module.loss(encoder(batch[0]), *batch[1:]).backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), options.clip)
            optimizer.step()
            schedule.step()
    return weights_of(encoder)


def without_dropout(encoder: Encoder) -> Encoder:
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return encoder


def test_each_training_is_one_from_the_start_on_its_own_epochs(make_encoder: Make, root: Path, tmp_path: Path) -> None:
    def make() -> Encoder:
        return without_dropout(make_encoder())

    trained(make, root, tmp_path)
    for number, epochs in ((1, range(2)), (2, range(2, 4))):
        kept, other = load_file(tmp_path / f"trained-{number}.safetensors"), make()
        other.load_state_dict(kept)
        torch.testing.assert_close(weights_of(other), by_hand(make().train(), root, epochs), rtol=0, atol=1e-4)


def test_stopped_in_the_second_training_it_ends_in_the_same_bytes(
    make_encoder: Make, root: Path, tmp_path: Path
) -> None:
    whole = trained(make_encoder, root, tmp_path / "whole")
    with pytest.raises(InterruptedError):
        trained(make_encoder, root, tmp_path / "stopped", stop=True)
    assert torch.equal(weights_of(trained(make_encoder, root, tmp_path / "stopped")), weights_of(whole))
    for number in (1, 2):
        one, other = (tmp_path / name / f"trained-{number}.safetensors" for name in ("whole", "stopped"))
        assert one.read_bytes() == other.read_bytes()


def test_the_average_of_the_trainings_is_scored_alone_and_mixed_with_the_start(
    make_encoder: Make, root: Path, tmp_path: Path
) -> None:
    encoder, settings = make_encoder().train(), settings_for(root, *OPTIONS)
    start, scored = weights_of(encoder).double().numpy(), []

    def score(each: Encoder) -> Scored:
        scored.append(weights_of(each).double().numpy())
        return Scored({"cosine_pearson": float(len(scored))}, np.zeros(3))

    def tell(*_: Any) -> None:
        pass

    selection = Selection(
        encoder, score, tell, main="cosine_pearson", folder=tmp_path, every=None, patience=None, wise_ft=[0.25]
    )
    run = run_for(encoder, settings)
    restarts = Restarts(run.module, tmp_path)
    fit(encoder, settings, selection, restarts)
    selection.try_averages(16, restarts.paths)
    # the start, four epochs, and then the averages
    _, _, first, _, second, soup, mixed = scored
    np.testing.assert_allclose(soup, (first + second) / 2, rtol=0, atol=1e-7)
    np.testing.assert_allclose(mixed, 0.25 * (first + second) / 2 + 0.75 * start, rtol=0, atol=1e-7)
    assert (selection.kept_soup, selection.share, selection.best) == (True, 0.25, 7.0)
    assert selection.averaged == ", the average of all trainings, 0.25 of it averaged with the start"


def test_one_training_keeps_nothing(make_encoder: Make, root: Path, tmp_path: Path) -> None:
    run = run_for(make_encoder(), settings_for(root))
    restarts = Restarts(run.module, tmp_path)
    assert (restarts.paths, restarts.start) == ([], {})


def test_the_rate_is_the_linear_schedules_of_each_training() -> None:
    def optimizer() -> torch.optim.Optimizer:
        return torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.1)

    ours, expected, found = warmup_linear(optimizer(), [7, 4], 0.3), [], []
    for steps, warmup in ((7, 2), (4, 1)):
        theirs = get_linear_schedule_with_warmup(optimizer(), warmup, steps)
        for _ in range(steps):
            expected.append(theirs.get_last_lr()[0])
            found.append(ours.get_last_lr()[0])
            for schedule in (theirs, ours):
                schedule.optimizer.step()
                schedule.step()
    assert found == expected
    assert ours.get_last_lr() == [0.0]


def test_after_the_others_scored_pairs_are_learnt_by_a_new_optimizer_and_schedule(
    make_encoder: Make, root: Path, tmp_path: Path
) -> None:
    settings = settings_for(root)
    settings = replace(settings, train=replace(settings.train, after=After(epochs=2, lr=1e-3)))
    first = without_dropout(make_encoder()).train()
    fit(first, settings_for(root), table=table_for(first))
    whole, encoder = Rates(), without_dropout(make_encoder()).train()
    run = run_for(encoder, settings, scored_for(encoder))
    fit(encoder, settings, whole, Restarts(run.module, tmp_path), table=scored_for(encoder))
    # by hand: from where the others end, AdamW from its beginning
    options = settings.train
    optimizer = torch.optim.AdamW(parameter_groups(first, options.weight_decay, lr=1e-3), eps=options.eps, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 2, 10)
    module, part = run.module, run.datamodule.parts[1]
    module.trainer = Trainer(logger=False, enable_checkpointing=False, barebones=True)
    used = []
    for epoch in (3, 4):
        rows = part.rows(epoch)
        for sentences, *given in part.batches(rows, rows):
            used.append(schedule.get_last_lr()[0])
            optimizer.zero_grad()
            module.scored_loss(first(sentences), *given).backward()
            torch.nn.utils.clip_grad_norm_(first.parameters(), options.clip)
            optimizer.step()
            schedule.step()
    np.testing.assert_allclose(whole.used[12:], used, rtol=1e-12)
    torch.testing.assert_close(weights_of(encoder), weights_of(first), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "other",
    ["train.ema=0.9", "train.patience=2", "train.lora={rank:2,alpha:4,dropout:0.0}"],
)
def test_what_a_soup_cannot_be_with_is_refused_by_its_key(root: Path, other: str) -> None:
    with pytest.raises(SettingsError, match=r"train\.soup: .*; set"):
        settings_for(root, *OPTIONS, other)


def test_a_soup_has_no_pairs_after_its_trainings(root: Path) -> None:
    words = ("corpora=esxnli_xnli_stsb", "train.after={epochs:1,lr:1e-5}")
    with pytest.raises(SettingsError, match=r"train\.soup: .* set train\.after or this to null"):
        settings_for(root, *OPTIONS, *words)
