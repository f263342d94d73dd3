"""What the card says of emissions that were measured, and what a proof says of them."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from card_inputs import card_of, front_of, settings_of
from huggingface_hub import ModelCard

from terna.records import json_text
from terna.release.card.emissions import Emissions
from terna.release.prove.scores import emitted

MEASURED: dict[str, Any] = {
    "made": "ab" * 32,
    "of_steps": 35,
    "steps": 35,
    "seconds": 12.5,
    "energy_kwh": 0.0123456,
    "emissions_kg": 0.00214793,
    "country": "ESP",
    "country_name": "Spain",
    "cpu": "A *processor*",
    "gpu": None,
    "hardware": "A *processor*",
    "codecarbon": "3.3.2",
}


def test_the_card_has_them_as_the_hub_reads_them_and_in_a_line_and_nothing_else_changes(root: Path) -> None:
    settings = settings_of(root)
    plain, card = card_of(settings), card_of(settings, emissions=Emissions(**MEASURED))
    stated = ModelCard(card).data.to_dict()["co2_eq_emissions"]
    assert stated == {
        "emissions": 2.148,
        "source": "codecarbon 3.3.2",
        "training_type": "pre-training" if settings.model.scratch else "fine-tuning",
        "geographical_location": "Spain",
        "hardware_used": "A *processor*",
    }
    [line] = [line for line in card.splitlines() if line.startswith("As codecarbon 3.3.2 estimates it")]
    assert "0.01235 kWh on `A *processor*`, and emitted 2.148 g of CO2 equivalent" in line
    assert front_of(card) == {**front_of(plain), "co2_eq_emissions": stated}
    assert card.split("\n---\n", 1)[1].replace(f"{line}\n\n", "") == plain.split("\n---\n", 1)[1]


@pytest.mark.parametrize(
    ("content", "made", "told"),
    [
        (MEASURED, "ab" * 32, "taken on trust: release/metrics/emissions.json: measured while the encoder was trained"),
        (MEASURED, "cd" * 32, "differs: release/metrics/emissions.json: made: expected " + "cd" * 32),
        (MEASURED | {"energy_kwh": -1}, "ab" * 32, "differs: release/metrics/emissions.json: expected energy and"),
    ],
)
def test_a_proof_takes_them_on_trust_if_they_are_of_this_training(
    tmp_path: Path, content: dict[str, Any], made: str, told: str
) -> None:
    file = tmp_path / "emissions.json"
    file.write_text(json_text(content))
    links = {"train": SimpleNamespace(record={"models/made.json": made})}
    released: Any = SimpleNamespace(files={"release/metrics/emissions.json": file}, links=links)
    [found] = emitted(released)
    assert str(found).startswith(told)
    assert json.loads(file.read_text()) == content
    assert not list(emitted(SimpleNamespace(files={}, links=links)))  # type: ignore[arg-type]
