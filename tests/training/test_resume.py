"""A run that was stopped goes on and ends in the same weights, optimizer state and curves, bit for bit."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from safetensors.torch import load_file
from torch import Tensor
from training_inputs import fit, run_for, settings_for, weights_of

from terna.encoder import Encoder
from terna.errors import ModelError
from terna.running.signals import terminable
from terna.settings import Settings
from terna.training import resume
from terna.training.callbacks import Checkpoints, Recorder
from terna.training.history import Curves
from terna.training.selection import Scored, Selection

Make = Callable[..., Encoder]
STEPS = 12


class Stop(Callback):
    """Ends the run after a step, as a fault of the machine would, or by a signal."""

    def __init__(self, step: int, sigterm: bool = False) -> None:
        self.step = step
        self.sigterm = sigterm

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == self.step and self.sigterm:
            signal.raise_signal(signal.SIGTERM)
        elif trainer.global_step == self.step:
            raise InterruptedError


class State(Callback):
    """The optimizer's state at the end."""

    def on_train_end(self, trainer: Trainer, *_: object) -> None:
        states = trainer.optimizers[0].state_dict()["state"].values()
        self.state = torch.cat([each.flatten() for state in states for each in state.values()])


@pytest.fixture
def settings(root: Path, request: pytest.FixtureRequest) -> Settings:
    return settings_for(root, *getattr(request, "param", ()))


@pytest.fixture
def run(make_encoder: Make, settings: Settings, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A function that trains in a folder, goes on from the checkpoint there, and tells how it ended."""

    def go(name: str, *, every: int = 1, stop: Callback | None = None) -> dict[str, Any]:
        encoder, folder, state = make_encoder().train(), tmp_path / name, State()
        recorder = Recorder(str, tmp_path / f"{name}-plots")

        def scores(each: Encoder) -> Scored:
            weights = weights_of(each)[:50]
            return Scored({"cosine_pearson": float(-(weights.sum() % 0.01))}, weights.numpy())

        selection = Selection(
            encoder,
            scores,
            recorder.scored,
            main="cosine_pearson",
            folder=folder,
            every=2,
            patience=None,
            ema=settings.train.ema,
        )
        checkpoints = Checkpoints(folder / resume.CHECKPOINT, every, recorder, selection.prune)
        # a stop comes before what is kept after the step, a signal too: it is seen when the step is done
        callbacks = [*([stop] if stop else []), recorder, selection, checkpoints, state]
        checkpoint = resume.claim(folder, {"seed": 1})
        fit(encoder, settings, *callbacks, checkpoint=checkpoint)
        last = weights_of(encoder)
        average = [weight.flatten() for weight in selection.ema.weights.values()] if selection.ema else [last]
        selection.restore()
        ended = {"weights": last, "best": weights_of(encoder), "step": selection.best_step, "state": state.state}
        ended |= {"similarities": [selection.start.tolist(), selection.kept.tolist()]}
        ended |= {"average": torch.cat(average)}
        return ended | {"curves": json.dumps([recorder.curves.trained, recorder.curves.scored])}

    return go


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(one[k], other[k]) if isinstance(one[k], Tensor) else one[k] == other[k] for k in one)


@pytest.mark.parametrize(
    ("every", "step"),
    [
        *(pytest.param(1, step, marks=pytest.mark.slow) for step in range(2, STEPS + 1)),
        (3, 8),
        pytest.param(5, 4, marks=pytest.mark.slow),
        (5, 9),
        (5, 12),
    ],
)
def test_stopped_at_any_step_it_ends_as_if_it_had_not_been(
    run: Callable[..., dict[str, Any]], every: int, step: int
) -> None:
    whole = run("whole", every=every)
    with pytest.raises(InterruptedError):
        run("stopped", every=every, stop=Stop(step))
    assert same(run("stopped", every=every), whole)
    assert len(json.loads(whole["curves"])[0]) == STEPS


def test_the_curves_are_on_the_disk_while_a_run_goes_on_and_have_each_step_once_when_it_has_resumed(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def steps(name: str) -> list[int]:
        lines = (tmp_path / "stopped-plots" / f"{name}.csv").read_text().splitlines()[1:]
        return [int(line.partition(",")[0]) for line in lines]

    class Follow(Stop):
        def on_train_batch_start(self, *_: object) -> None:
            seen.append((len(steps("loss")), len(steps("lr")), steps("development")))

    ended = run("whole", every=3)
    seen: list[tuple[int, int, list[int]]] = []
    with pytest.raises(InterruptedError):
        run("stopped", every=3, stop=Follow(8))
    assert [row[:2] for row in seen] == [(step, step) for step in range(8)]
    assert seen[-1][2] == [0, 2, 4, 6]
    seen.clear()
    run("stopped", every=3, stop=Follow(0))
    assert [row[:2] for row in seen] == [(step, step) for step in range(6, STEPS)]
    Curves(*json.loads(ended["curves"])).write(tmp_path / "end")
    for name in ("loss.csv", "lr.csv", "development.csv"):
        end = (tmp_path / "end" / name).read_bytes()
        assert (tmp_path / "whole-plots" / name).read_bytes() == end
        assert (tmp_path / "stopped-plots" / name).read_bytes() == end


@pytest.mark.parametrize("settings", [("train.l2_sp=0.1", "train.lr=1e-2"), ("train.ema=0.8",)], indirect=True)
def test_the_distance_to_the_start_and_the_moving_average_are_the_same_when_a_run_has_resumed(
    run: Callable[..., dict[str, Any]],
) -> None:
    whole = run("whole", every=2)
    with pytest.raises(InterruptedError):
        run("stopped", every=2, stop=Stop(7))
    assert same(run("stopped", every=2), whole)


@pytest.mark.parametrize("step", [1, 4, 5, 8, 12])
def test_sigterm_writes_a_checkpoint_of_the_step_that_it_came_in(
    run: Callable[..., dict[str, Any]], step: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run("whole", every=100)
    with pytest.raises(SystemExit, match="143"), terminable():  # as a stage runs it
        run("stopped", every=100, stop=Stop(step, sigterm=True))
    assert f"stopped by SIGTERM after step {step}" in capsys.readouterr().err
    checkpoint = torch.load(tmp_path / "stopped" / resume.CHECKPOINT, weights_only=True)
    assert checkpoint["global_step"] == step
    assert same(run("stopped", every=100), whole)


def test_ctrl_c_says_how_to_resume_and_ends_with_the_status_of_a_shell(
    run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    whole = run("whole", every=2)
    try:
        with pytest.raises(SystemExit, match="130"):
            run("stopped", every=2, stop=CtrlC())
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning ignores it from the first on
    assert "stopped by Ctrl-C after step 5; the same command resumes from the last" in capsys.readouterr().err
    assert same(run("stopped", every=2), whole)


class CtrlC(Callback):
    """Presses Ctrl-C in the fifth step."""

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_off_is_refused_by_name(
    run: Callable[..., dict[str, Any]], tmp_path: Path, kept: float
) -> None:
    with pytest.raises(InterruptedError):
        run("stopped", every=1, stop=Stop(5))
    path = tmp_path / "stopped" / resume.CHECKPOINT
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ModelError, match=rf"{resume.CHECKPOINT}: damaged .*; delete .*stopped/ to train again"):
        run("stopped", every=1)


def test_a_checkpoint_is_replaced_whole_and_only_the_best_weights_stay(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    ended = run("whole", every=1)
    kept = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert kept == [f"best-{ended['step']}.safetensors", resume.CHECKPOINT, resume.IDENTITY]
    assert load_file(tmp_path / "whole" / kept[0])


class Poison(Callback):
    """Makes the weights infinite before a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *_: object) -> None:
        if trainer.global_step == self.step:
            pl_module.encoder.backbone.embeddings.word_embeddings.weight.data.fill_(torch.inf)


def test_a_loss_that_is_no_number_ends_the_run_with_its_step_and_leaves_the_last_good_checkpoint(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"the loss of step 6 is nan: 6"):
        run("poisoned", every=1, stop=Poison(5))
    checkpoint = torch.load(tmp_path / "poisoned" / resume.CHECKPOINT, weights_only=True)
    assert checkpoint["global_step"] == 5
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())
    assert (tmp_path / "poisoned-plots" / "loss.csv").read_text().count("\n") == 1 + 5


def test_weights_that_are_no_numbers_are_not_kept(make_encoder: Make, settings: Settings, tmp_path: Path) -> None:
    recorder = Recorder(lambda step: f"batch of {step}")

    class Break(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: object) -> None:
            if trainer.global_step == 2:
                pl_module.encoder.backbone.embeddings.word_embeddings.weight.data[7] = torch.nan

    checkpoints = Checkpoints(tmp_path / "last.ckpt", 1, recorder, lambda: None)
    with pytest.raises(ModelError, match="weights are no longer finite after step 2: batch of 2"):
        fit(make_encoder(), settings, Break(), recorder, checkpoints)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 1


def test_a_checkpoint_of_another_run_is_refused_with_both_values_of_each_difference(tmp_path: Path) -> None:
    run = {"seed": 1, "train": {"lr": 0.1, "weights": {}}, "data": {"ids.npy": "aa"}}
    assert resume.claim(tmp_path / "kept", run) is None
    (tmp_path / "kept" / resume.CHECKPOINT).write_bytes(b"x")
    assert resume.claim(tmp_path / "kept", run) == tmp_path / "kept" / resume.CHECKPOINT
    other = {"seed": 1, "train": {"lr": 0.2, "weights": {}}, "data": {"ids.npy": "bb"}}
    with pytest.raises(ModelError) as caught:
        resume.claim(tmp_path / "kept", other)
    assert "train.lr: 0.1 there, 0.2 here" in str(caught.value)
    assert "data.ids.npy: 'aa' there, 'bb' here" in str(caught.value)
    assert "seed" not in str(caught.value)
    assert f"delete {tmp_path / 'kept'}/" in str(caught.value)


def test_what_another_run_left_without_a_checkpoint_is_cleared_away(tmp_path: Path) -> None:
    resume.claim(tmp_path / "kept", {"seed": 1})
    (tmp_path / "kept" / "best-3.safetensors").write_bytes(b"x")
    assert resume.claim(tmp_path / "kept", {"seed": 1}) is None
    assert (tmp_path / "kept" / "best-3.safetensors").exists()
    assert resume.claim(tmp_path / "kept", {"seed": 2}) is None
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [resume.IDENTITY]
    resume.release(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_the_feed_goes_on_within_an_epoch_and_over_its_end(make_encoder: Make, settings: Settings) -> None:
    datamodule = run_for(make_encoder(), settings).datamodule
    ends = [sum(datamodule.steps[: epoch + 1]) for epoch in range(3)]
    assert [datamodule.place(step) for step in (0, ends[0] - 1, ends[0], ends[1])] == [
        (0, 0),
        (0, datamodule.steps[0] - 1),
        (1, 0),
        (2, 0),
    ]
