"""Energy and emissions of a training: measured in all its parts, without a network, and without a change of weights."""

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from training_inputs import fit, settings_for, weights_of

from terna.encoder import Encoder
from terna.errors import ModelError
from terna.release.card.emissions import Emissions as Figures
from terna.release.card.emissions import of_release, of_training
from terna.settings import Settings
from terna.settings.checks import CHECKS, check_emissions
from terna.tracking.emissions import Emissions, meters

Make = Callable[..., Encoder]
STEPS = 12
MADE = "ab" * 32


class Tracker:
    """Stands for codecarbon's: each second, step and question costs what a test can add up."""

    made: list["Tracker"]

    def __init__(self, **options: Any) -> None:
        self.options, self.calls = options, list[str]()
        self.made.append(self)

    def start(self) -> None:
        self.calls.append("start")

    def flush(self) -> None:
        self.calls.append("flush")
        self.tell()

    def stop(self) -> None:
        self.calls.append("stop")
        self.tell()

    def tell(self) -> None:
        asked = len(self.calls)
        record = SimpleNamespace(
            duration=10.0 * asked,
            energy_consumed=0.5 * asked,
            emissions=0.25 * asked,
            country_name="Spain",
            cpu_model="A processor",
            gpu_model="",
            codecarbon_version="3.3.2",
        )
        for output in self.options["output_handlers"]:
            output.out(record, None)


@pytest.fixture
def trackers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Tracker]:
    """The trackers that are made of a stand-in for codecarbon, which knows two countries."""
    module: Any = ModuleType("codecarbon")
    module.__spec__ = ModuleSpec("codecarbon", None, origin=str(tmp_path / "codecarbon" / "__init__.py"))
    mixes = tmp_path / "codecarbon" / "data" / "private_infra" / "global_energy_mix.json"
    mixes.parent.mkdir(parents=True)
    mixes.write_text(json.dumps({"ESP": {"country_name": "Spain"}, "PRT": {"country_name": "Portugal"}}))
    module.OfflineEmissionsTracker = type("Made", (Tracker,), {"made": []})
    monkeypatch.setitem(sys.modules, "codecarbon", module)
    made: list[Tracker] = module.OfflineEmissionsTracker.made
    return made


@pytest.fixture
def settings(root: Path) -> Settings:
    return settings_for(root)


class Interrupted(Callback):
    """Saves a checkpoint after a step, and fails in the next."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
        if trainer.global_step > self.step:
            raise InterruptedError


def interrupted(make_encoder: Make, settings: Settings, meter: Emissions, path: Path) -> None:
    with pytest.raises(InterruptedError):
        fit(make_encoder(), settings, meter, Interrupted(5, path))


def test_a_run_is_measured_from_its_first_step_to_its_end(
    make_encoder: Make, settings: Settings, trackers: list[Tracker]
) -> None:
    meter = Emissions("ESP")
    fit(make_encoder(), settings, meter)
    [tracker] = trackers
    assert tracker.calls == ["start", "stop"]
    given = tracker.options
    assert (given["country_iso_code"], given["output_methods"], given["log_level"]) == ("ESP", [], "error")
    assert not any(given[name] for name in ("electricitymaps_api_token", "emissions_endpoint", "cloud_provider"))
    assert meter.record(STEPS) == {
        "of_steps": STEPS,
        "steps": STEPS,
        "seconds": 20.0,
        "energy_kwh": 1.0,
        "emissions_kg": 0.5,
        "country": "ESP",
        "country_name": "Spain",
        "cpu": "A processor",
        "gpu": None,
        "hardware": "A processor",
        "codecarbon": "3.3.2",
    }
    assert meter.sentence(STEPS) == ", 1 kWh, 500 g of CO2 equivalent (ESP)"


@pytest.mark.parametrize(("before", "steps", "kwh"), [("ESP", STEPS, 2.0), ("PRT", STEPS - 5, 1.0)])
def test_a_resumed_run_adds_up_its_parts_and_says_where_one_was_not_measured(
    make_encoder: Make,
    settings: Settings,
    trackers: list[Tracker],
    tmp_path: Path,
    before: str,
    steps: int,
    kwh: float,
) -> None:
    path, meter = tmp_path / "last.ckpt", Emissions("ESP")
    interrupted(make_encoder, settings, Emissions(before), path)
    assert [each.calls[-1] for each in trackers] == ["stop"]
    fit(make_encoder(), settings, meter, checkpoint=path)
    # what was measured up to the checkpoint counts, and not what came after it
    found = meter.record(STEPS)
    assert (found["steps"], found["energy_kwh"]) == (steps, kwh)
    costs = tmp_path / "train.json"
    costs.write_text(json.dumps({"made": MADE, "seconds": 3.0, "emissions": found}))
    taken = of_training(costs, MADE)
    assert (taken is not None) == (steps == STEPS)
    assert ("steps alone, not for the card" in meter.sentence(STEPS)) == (taken is None)


def test_the_figures_of_another_training_are_not_taken(tmp_path: Path) -> None:
    figures: dict[str, Any] = {"of_steps": 1, "steps": 1, "seconds": 1.0, "energy_kwh": 0.1, "emissions_kg": 0.2}
    figures |= {"country": "ESP", "country_name": "Spain", "codecarbon": "3.3.2"}
    figures |= {"cpu": None, "gpu": None, "hardware": None}
    costs = tmp_path / "train.json"
    assert of_training(costs, MADE) is None
    costs.write_text(json.dumps({"made": MADE, "emissions": figures}))
    assert of_training(costs, "cd" * 32) is None
    assert of_training(costs, MADE) == Figures(made=MADE, **figures)
    costs.write_text(json.dumps({"made": MADE}))
    assert of_training(costs, MADE) is None
    assert of_release(tmp_path / "emissions.json") is None


def test_without_the_package_the_extra_is_named_and_without_the_setting_nothing_is_measured(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert meters(settings.machine) == []
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    with pytest.raises(ModelError, match=r"machine\.emissions: .*codecarbon.*; pip install -e '\.\[carbon\]'"):
        Emissions("ESP")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Narnia", ", such as ESP"),
        ("Portugl", "; did you mean PRT (Portugal)?"),
        ("ES", "; did you mean ESP (Spain)?"),
        ("esp", "; did you mean ESP (Spain)?"),
    ],
)
def test_a_wrong_country_is_a_fault_of_the_settings(
    settings: Settings, trackers: list[Tracker], given: str, told: str
) -> None:
    wrong = "is no ISO 3166-1 alpha-3 code of a country that codecarbon has figures of"
    assert check_emissions in CHECKS
    assert faults(settings, emissions=given) == [f"machine.emissions: {given!r} {wrong}{told}"]
    assert faults(settings, emissions="PRT") == faults(settings) == []


def test_one_machine_is_measured_and_a_code_without_the_package_is_checked_by_its_form(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terna.settings.checks.emissions.find_spec", lambda _: None)
    assert faults(settings, emissions="XYZ") == []
    [told] = faults(settings, emissions="Spain")
    assert told.endswith(", such as ESP")
    assert faults(settings, emissions="ESP", nodes=2) == [
        "machine.emissions: one machine is measured; set machine.nodes to 1, or this to null"
    ]


def faults(settings: Settings, **changed: Any) -> list[str]:
    return list(check_emissions(replace(settings.machine, **changed)))


def test_codecarbon_itself_measures_without_a_network_or_a_file_and_leaves_the_weights_as_they_are(
    make_encoder: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("codecarbon")

    def refuse(*_: object) -> None:
        raise AssertionError("a call to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    meter, plain = Emissions("ESP"), make_encoder()
    fit(plain, settings)
    left = set(tmp_path.rglob("*"))
    measured = make_encoder()
    fit(measured, settings, meter)
    found = meter.record(STEPS)
    assert found["energy_kwh"] > 0 and found["country_name"] == "Spain"
    # its own table of Spain's mix in 2023: 174 g a kWh
    assert found["emissions_kg"] == pytest.approx(found["energy_kwh"] * 0.174, rel=0.05)
    assert torch.equal(weights_of(measured), weights_of(plain))
    assert set(tmp_path.rglob("*")) == left
