"""Where curves go: what each logger wrote is read back with a reader of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import wandb
import wandb_records
from composed import compose_once, small
from wandb.sdk.mailbox.mailbox_handle import HandleAbandonedError

from terna.errors import ModelError
from terna.settings import Settings
from terna.tracking import loggers

ROWS = [(step, {"loss": 1 / step, "lr": step * 1e-4}) for step in range(1, 121)]
RESULT = {"selected_score": 0.75, "selected_step": 60, "steps": 120, "selected_on": "dev cosine_pearson"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No account of the user's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_", "DVC_EXP"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def choose(root: Path) -> Callable[..., Settings]:
    def settings(*overrides: str) -> Settings:
        return compose_once(root, small(overrides))

    return settings


def logged(settings: Settings, folder: Path) -> None:
    """A run as train logs it."""
    made = folder / "made.json"
    folder.mkdir(exist_ok=True)
    made.write_text("{}")
    built = loggers.build(settings, folder)
    for step, row in ROWS:
        for logger in built:
            logger.log_metrics(row, step)
    for logger in built:
        logger.log_metrics({"dev/cosine_pearson": 0.75}, 60)
        logger.finalize("success")
    loggers.conclude(built, settings, RESULT, folder, made)


def test_csv_is_always_there_and_starts_anew(choose: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "metrics.csv").write_text("step,loss\n99,1\n")
    (logger,) = loggers.build(choose(), tmp_path)
    logger.log_metrics({"loss": 0.5}, step=0)
    logger.save()
    assert (tmp_path / "csv" / "metrics.csv").read_text() == "loss,step\n0.5,0\n"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_has_the_curves_and_the_settings(choose: Callable[..., Settings], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    for _ in range(2):  # the second run takes the place of the first
        logged(choose("logger=tensorboard", "logger.name=a/b c"), tmp_path)
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "tensorboard"))
    multiplexer.Reload()
    assert list(multiplexer.Runs()) == ["a/b_c"]
    found = {name: [(e.step, e.value) for e in multiplexer.Scalars("a/b_c", name)] for name in ("loss", "lr")}
    assert found["loss"] == [(step, pytest.approx(row["loss"], rel=1e-6)) for step, row in ROWS]
    assert found["lr"] == [(step, pytest.approx(row["lr"], rel=1e-6)) for step, row in ROWS]
    assert [(e.step, e.value) for e in multiplexer.Scalars("a/b_c", "dev/cosine_pearson")] == [(60, 0.75)]
    assert [e.value for e in multiplexer.Scalars("a/b_c", "selected_score")] == [0.75]
    written = (tmp_path / "tensorboard" / "a" / "b_c" / "hparams.yaml").read_text()
    assert "batch_size: 32" in written


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_the_curves_and_the_settings_in_a_local_store(
    choose: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    from mlflow.tracking import MlflowClient

    settings = choose("logger=mlflow", "logger.project=p", "logger.group=g", "logger.tags=[t]", "logger.name=n")
    for _ in range(2):
        logged(settings, tmp_path / "logs")
    client = MlflowClient(f"sqlite:///{tmp_path / 'logs' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("p").experiment_id])
    assert len(runs) == 2
    for run in runs:
        assert (run.info.run_name, run.info.status) == ("n", "FINISHED")
        assert run.data.tags["group"] == "g"
        assert run.data.params["train/batch_size"] == "32"
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [(one.step, one.value) for one in history] == [(step, row["loss"]) for step, row in ROWS]
        assert run.data.metrics["dev/cosine_pearson"] == run.data.metrics["selected_score"] == 0.75
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["logs"]


def test_wandb_has_the_curves_the_settings_and_the_result_offline(
    choose: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = choose("logger=wandb", "logger.group=g", "logger.tags=[a,b]", "logger.name=n", "logger.project=p")
    logged(settings, tmp_path)
    [path] = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    run = next(one.run for one in wandb_records.records(path) if one.WhichOneof("record_type") == "run")
    assert (run.display_name, run.project, run.run_group, list(run.tags)) == ("n", "p", "g", ["a", "b"])
    config = wandb_records.config(path)
    assert {key: config[key] for key in asdict(settings)} == plain(settings)
    rows = wandb_records.history(path)
    told = [(row["trainer/global_step"], row["loss"], row["lr"]) for row in rows if "loss" in row]
    assert told == [(step, row["loss"], row["lr"]) for step, row in ROWS]
    assert [row["trainer/global_step"] for row in rows if "dev/cosine_pearson" in row] == [60]
    summary = wandb_records.summary(path)
    assert {name: summary[name] for name in RESULT} == RESULT


def plain(settings: Settings) -> Any:
    """Settings as JSON has them."""
    import json

    return json.loads(json.dumps(asdict(settings)))


@pytest.mark.parametrize("when", ["log", "summary", "finish"])
@pytest.mark.parametrize("error", [ConnectionResetError(), HandleAbandonedError(), wandb.Error("lost")], ids=repr)
def test_nothing_that_wandb_raises_ends_a_run(
    choose: Callable[..., Settings],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    error: Exception,
) -> None:
    def raise_it(*_: object) -> None:
        raise error

    run = Mock(dir=str(tmp_path / "files"), id="i")
    {"log": run.log, "summary": run.summary.update, "finish": run.finish}[when].side_effect = raise_it
    monkeypatch.setattr(wandb, "teardown", raise_it)
    monkeypatch.setattr(loggers.tracking, "is_online", lambda: False)
    logger = loggers.Spared(run)
    (tmp_path / "made.json").write_text("{}")
    logger.log_metrics({"loss": 1.0}, 1)
    loggers.conclude([logger], choose(), RESULT, tmp_path, tmp_path / "made.json")
    assert caplog.text.count("Weights & Biases is lost") == 1


@pytest.mark.slow
def test_a_run_outlives_the_process_of_wandb(choose: Callable[..., Settings], root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEREFT, str(root), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ended\n")
    assert "Weights & Biases is lost" in done.stderr
    assert (tmp_path / "csv" / "metrics.csv").read_text().count("\n") == 41


BEREFT = """
import os, signal, subprocess, sys
from pathlib import Path
from terna.tracking import loggers
from terna.settings import compose, load
root, folder = map(Path, sys.argv[1:])
settings = load(compose(root / "conf", ["logger=wandb"]))
built = loggers.build(settings, folder)
for step in range(40):
    if step == 20:
        found = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
        for child in found.stdout.split()[:1]:
            os.kill(int(child), signal.SIGKILL)
    for logger in built:
        logger.log_metrics({"loss": 1.0}, step)
(folder / "made.json").write_text("{}")
loggers.conclude(built, settings, {"selected_score": 1.0, "selected_step": 1}, folder, folder / "made.json")
for logger in built:
    logger.save()
print("ended", flush=True)
"""


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_named_with_its_extra(
    choose: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(loggers, {"tensorboard": "TensorBoardLogger", "mlflow": "Batched"}[name], absent)
    with pytest.raises(ModelError, match=rf"logger.{name}: .*; pip install -e '\.\[{name}\]'"):
        loggers.build(choose(f"logger={name}"), tmp_path)


def test_a_run_is_called_after_settings_else_after_release_and_experiment(
    choose: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = choose()
    assert loggers.tracking.run_name(settings) == "terna-sample"
    monkeypatch.setenv("DVC_EXP_NAME", "tawny-owl")
    assert loggers.tracking.run_name(settings) == "terna-sample-tawny-owl"
    named = replace(settings, logger=replace(settings.logger, name="mine"))
    assert loggers.tracking.run_name(named) == "mine"
