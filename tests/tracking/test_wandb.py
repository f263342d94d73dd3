"""A run on Weights & Biases from training to report, read from the disk and from a stand-in for the service."""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sweep_inputs
import wandb_records
import yaml
from sweep_inputs import COMPOSED
from wandb_service import KEY, Service, Told, served

from terna import tracking

pytestmark = pytest.mark.slow

WANDB = ("logger.wandb=true", "logger.group=g")


@pytest.fixture
def project(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is ready to train, and no account of the user's."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    shutil.copytree(ready, tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Service]]:
    """A function that starts a stand-in of a behaviour and sets the key for it."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def begin(behaviour: str) -> Service:
            service = stack.enter_context(served(behaviour))
            monkeypatch.setenv("WANDB_API_KEY", KEY)
            monkeypatch.setenv("WANDB_BASE_URL", service.address)
            return service

        yield begin


def stage(project: Path, name: str, *words: str) -> str:
    done = sweep_inputs.run(project, name, *COMPOSED, *words)
    assert done.returncode == 0, done.stderr
    return str(done.stderr)


def parts(project: Path) -> list[Path]:
    """The records of the project's only run, the older first."""
    return sorted((project / "logs" / "wandb").glob("offline-run-*/*.wandb"))


def rows_of_csv(project: Path) -> set[tuple[int, str, float]]:
    with (project / "logs" / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {(int(row["step"]), name, float(row[name])) for row in rows for name in row if row[name] and name != "step"}


def rows_of(history: list[dict[str, object]]) -> list[tuple[object, str, object]]:
    """The figures of the rows that training logs."""
    return [
        (row["trainer/global_step"], name, row[name])
        for row in history
        for name in row
        if name in ("loss", "lr") or name.startswith("dev/")
    ]


def sync(project: Path) -> None:
    folders = [str(path.parent) for path in parts(project)]
    done = subprocess.run([sys.executable, "-m", "wandb", "sync", "--yes", *folders], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_run_from_training_to_report_is_one_run_offline_and_wandb_sync_sends_it(
    project: Path, online: Callable[[str], Service]
) -> None:
    assert "`wandb sync logs/wandb/offline-run-" in stage(project, "train", *WANDB)
    for name in ("evaluate", "release"):
        stage(project, name)
    assert "`wandb sync logs/wandb/offline-run-" in stage(project, "report", *WANDB)
    trained, reported = parts(project)
    assert trained.name == reported.name
    assert set(rows_of(wandb_records.history(trained))) == rows_of_csv(project)
    result = json.loads((project / "metrics" / "train.json").read_text())
    assert wandb_records.summary(trained)["selected_score"] == result["selected_score"]
    assert_reported(project, reported)
    service = online("answers")
    sync(project)
    [told] = service.told.values()
    assert_told(project, told)
    scores = json.loads((project / "metrics" / "scores.json").read_text())
    assert told.summary["sts-sample-test/cosine_pearson"] == scores["sts-sample-test"]["cosine_pearson"]
    assert told.history[-1]["results"]["_type"] == "table-file"
    assert {one["artifactTypeName"] for one in told.artifacts} == {"model", "run_table"}


def assert_reported(project: Path, path: Path) -> None:
    """The tables hold what the files of the project hold, and the artifact is the release."""
    tables = {}
    for name in ("results", "data", "contamination", "comparisons", "predicted against gold"):
        [file] = path.parent.glob(f"files/media/table/{name}_*.table.json")
        tables[name] = json.loads(file.read_text())
    scores = json.loads((project / "metrics" / "sts.json").read_text())
    columns = tables["results"]["columns"]
    ours = [dict(zip(columns, row, strict=True)) for row in tables["results"]["data"] if row[2] == "this model"]
    assert [one["benchmark"] for one in ours] == ["sts-sample-dev", "sts-sample-test"]
    for one in ours:
        assert one["dot_spearman"] == scores[one["benchmark"]]["dot_spearman"]
        assert [one["low"], one["high"]] == scores[one["benchmark"]]["ci95"]["cosine_pearson"]
    with (project / "predictions" / "scatter.csv").open() as file:
        points = [
            [row["benchmark"], row["file"], float(row["gold"]), float(row["cosine"])] for row in csv.DictReader(file)
        ]
    found = tables["predicted against gold"]["data"]
    assert [row[:3] for row in found] == [row[:3] for row in points]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in points], abs=1e-6)
    stats = json.loads((project / "data" / "triplets" / "stats.json").read_text())
    accounts = {row[0]: dict(zip(tables["data"]["columns"], row, strict=True)) for row in tables["data"]["data"]}
    assert {name: one["triplets"] for name, one in accounts.items()} == {
        name: one["triplets"] for name, one in stats["corpora"].items()
    }
    assert_artifact(project, path)


def assert_artifact(project: Path, path: Path) -> None:
    artifacts = [one.artifact for one in wandb_records.records(path) if one.WhichOneof("record_type") == "artifact"]
    [model] = [one for one in artifacts if one.type == "model"]
    assert model.name == "terna-sample"
    staged = {entry.path: Path(entry.local_path) for entry in model.manifest.contents}
    assert {"README.md", "lineage.json", "encoder/model.safetensors"} <= set(staged)
    shipped = (project / "models" / "encoder" / "model.safetensors").read_bytes()
    assert staged["encoder/model.safetensors"].read_bytes() == shipped
    chain = json.loads(model.metadata)["chain"]
    wrote = next(link["wrote"] for link in chain if link["stage"] == "train")
    assert wrote["models/encoder/model.safetensors"] == hashlib.sha256(shipped).hexdigest()


def assert_told(project: Path, told: Told) -> None:
    """The service has every figure of the CSV file once, the settings and the end."""
    found = rows_of(told.history)
    assert len(found) == len(set(found))
    assert set(found) == rows_of_csv(project)
    assert told.complete
    assert told.config["train"]["batch_size"] == 64
    assert told.fields["groupName"] == "g"
    result = json.loads((project / "metrics" / "train.json").read_text())
    assert told.summary["selected_score"] == result["selected_score"]


def test_with_a_key_a_run_is_sent_while_it_trains(project: Path, online: Callable[[str], Service]) -> None:
    service = online("answers")
    assert f"Weights & Biases: {service.address}/me/terna/runs/" in stage(project, "train", *WANDB)
    [told] = service.told.values()
    assert_told(project, told)
    for name in ("evaluate", "release"):
        stage(project, name)
    stage(project, "report", *WANDB, "logger.encoder=false")
    [told] = service.told.values()
    assert_told(project, told)
    assert "results" in told.history[-1]
    assert {one["artifactTypeName"] for one in told.artifacts} == {"run_table"}


@pytest.mark.parametrize("behaviour", ["refuses", "hangs", "dies", "hangs later"])
def test_a_service_that_fails_costs_a_run_nothing_and_gets_all_of_it_later(
    project: Path, online: Callable[[str], Service], behaviour: str
) -> None:
    service = online(behaviour)
    assert "`wandb sync logs/wandb/offline-run-" in stage(project, "train", *WANDB)
    [record] = parts(project)
    assert set(rows_of(wandb_records.history(record))) == rows_of_csv(project)
    assert (project / "models" / "made.json").is_file()
    if behaviour == "hangs later":
        service.behaviour = "answers"
    else:
        service = online("answers")
    sync(project)
    [told] = service.told.values()
    assert_told(project, told)


def test_what_sends_a_run_ends_soon_after_a_training_that_was_killed(
    project: Path, online: Callable[[str], Service]
) -> None:
    online("hangs")
    process = sweep_inputs.start(project, "train", *COMPOSED, *WANDB, "train.epochs=400")
    while not list((project / "checkpoints").glob("best-*")):
        assert process.poll() is None
        time.sleep(0.1)
    folder = str(parts(project)[0].parent.relative_to(project))
    assert senders(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(300):
        if not senders(folder):
            break
        time.sleep(0.1)
    assert not senders(folder)


def senders(folder: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True).stdout.split()


def test_a_training_that_was_not_logged_gets_a_run_with_its_curves_from_the_report(project: Path) -> None:
    for name in ("train", "evaluate", "release"):
        stage(project, name)
    stage(project, "report", *WANDB)
    [record] = parts(project)
    assert set(rows_of(wandb_records.history(record))) == rows_of_csv(project)
    result = json.loads((project / "metrics" / "train.json").read_text())
    assert wandb_records.summary(record)["selected_score"] == result["selected_score"]
    assert_reported(project, record)


def test_the_runs_of_a_sweep_have_the_ids_and_folders_that_the_agent_gave_them(root: Path, project: Path) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    declared = yaml.safe_load((root / "docs" / "sweep.yaml").read_text())
    assert set(declared) == {"program", "method", "metric", "parameters", "command"}
    command = declared["command"]
    scores = []
    for name, lr in {"abcd1234": 1e-2, "efgh5678": 1e-5}.items():
        # as the agent does: the command first, then the environment, and the command stays for the next run
        made = create_sweep_command(command)
        args = {"train.lr": {"value": lr}, "train.batch_size": {"value": 64}}
        known = create_sweep_command_args({"args": args}) | {"program": [declared["program"]]}
        words = [word for each in made for word in known.get(each[2:-1], [each])]
        assert words[:2] == ["python", "pipelines/train.py"]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_RUN_ID": name}
        done = subprocess.run([sys.executable, *words[1:]], cwd=project, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        folder = project / "multirun" / name
        [record] = folder.glob(f"logs/wandb/offline-run-*-{name}/run-{name}.wandb")
        scores.append(wandb_records.summary(record)[declared["metric"]["name"]])
        assert scores[-1] == json.loads((folder / "metrics" / "train.json").read_text())["selected_score"]
    assert scores[0] != scores[1]


def test_a_run_is_known_again_by_what_it_trained_alone(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    made.write_text("one")
    assert tracking.remembered(tmp_path, made) is None
    tracking.remember("abc", tmp_path, made)
    assert tracking.remembered(tmp_path, made) == "abc"
    made.write_text("another")
    assert tracking.remembered(tmp_path, made) is None


def test_nothing_is_sent_without_a_key_or_when_wandb_is_told_to_be_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_") or name == "NETRC"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not tracking.is_online()
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login user password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert tracking.is_online()
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost:9")
    assert not tracking.is_online()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert tracking.is_online()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not tracking.is_online()
