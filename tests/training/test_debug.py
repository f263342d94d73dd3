"""Debug runs: a few steps or one batch, otherwise the run that it would be; what comes of one says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from card_inputs import card_of
from composed import compose_once
from report_inputs import contents_of
from training_inputs import fit, run_for, settings_for

from terna.encoder import Encoder
from terna.errors import ModelError, PublishError
from terna.provenance import flat
from terna.release.hub import no_debug_run
from terna.release.report import render
from terna.settings import Debug, Settings, compose
from terna.training.callbacks import Recorder
from terna.training.trainer import build_trainer, check_overfit, profiler_of
from terna.training.trainer import fit as fit_by

Make = Callable[..., Encoder]
COMMON = {"train.epochs", "train.debug.steps", "train.debug.overfit", "release.name"}
CHANGED = {"none": set(), "default": COMMON, "overfit": COMMON, "profiler": COMMON | {"machine.profiler"}}


@pytest.mark.parametrize("option", sorted(CHANGED))
def test_an_option_changes_what_its_file_says_and_nothing_else(root: Path, option: str) -> None:
    plain, found = (dict(flat(compose(root / "conf", words))) for words in ([], [f"debug={option}"]))
    assert {key for key in plain.keys() | found.keys() if plain.get(key) != found.get(key)} == CHANGED[option]


@pytest.mark.parametrize(("epochs", "steps", "each"), [(1, 1, [1]), (2, 3, [3, 3]), (1, 99, None)])
def test_the_batches_are_the_first_of_the_whole_run(
    make_encoder: Make, root: Path, epochs: int, steps: int, each: list[int] | None
) -> None:
    settings = settings_for(root, f"train.epochs={epochs}")
    whole = run_for(make_encoder(), settings).datamodule
    short = run_for(make_encoder(), debugged(settings, Debug(steps, overfit=False))).datamodule
    assert short.steps == (each or whole.steps)
    for epoch in range(epochs):
        assert short.plan(epoch) == whole.plan(epoch)[:steps]
        assert np.array_equal(short.parts[0].rows(epoch), whole.parts[0].rows(epoch))


@pytest.mark.slow
def test_the_loss_of_one_batch_falls(make_encoder: Make, root: Path) -> None:
    debug, recorder = Debug(20, overfit=True), Recorder(str)
    settings = debugged(settings_for(root, "train.epochs=1", "train.lr=1e-3", "train.warmup=0.0"), debug)
    run = fit(make_encoder(), settings, recorder)
    assert run.datamodule.plan(0) == 20 * run_for(make_encoder(), settings_for(root)).datamodule.plan(0)[:1]
    assert sum(run.module.steps) == 20  # what the schedule is laid out on
    losses = [row["loss"] for row in recorder.curves.trained]
    assert len(losses) == 20
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    check_overfit(settings, losses)


@pytest.mark.parametrize("last", [1.0, 1.5])
def test_a_loss_that_does_not_fall_is_an_error(root: Path, last: float) -> None:
    settings = settings_for(root)
    check_overfit(settings, [1.0, last])
    check_overfit(debugged(settings, Debug(2, overfit=False)), [1.0, last])
    with pytest.raises(ModelError, match=rf"train\.debug\.overfit: .* was 1\.0000 in the first step and {last:.4f} in"):
        check_overfit(debugged(settings, Debug(2, overfit=True)), [1.0, last])


def test_the_profiler_writes_where_the_time_goes(make_encoder: Make, root: Path, tmp_path: Path) -> None:
    settings = settings_for(root, "train.epochs=1", "machine.profiler=simple")
    run = run_for(make_encoder(), settings)
    fit_by(build_trainer(settings, [], profiler=profiler_of(settings.machine, tmp_path)), run)
    assert "run_training_batch" in (tmp_path / "fit-profile.txt").read_text()
    assert profiler_of(settings_for(root).machine, tmp_path) is None


def test_card_and_report_say_that_it_is_no_result_and_publishing_is_refused(root: Path) -> None:
    settings = compose_once(root, ["debug=default"])
    said = "**A debug run, no result**: its training took"
    assert said in card_of(settings)
    assert "<strong>A debug run, no result</strong>" in render(contents_of(settings=settings))
    assert "debug run" not in card_of(debugged(settings, None))
    with pytest.raises(PublishError, match=r"train\.debug: a debug run is not a result; .* \(-S debug=none\)"):
        no_debug_run(settings)
    no_debug_run(debugged(settings, None))


def debugged(settings: Settings, debug: Debug | None) -> Any:
    return replace(settings, train=replace(settings.train, debug=debug))
