"""What codecarbon measured of a training: figures that are taken on trust, since nothing computes them again."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.records import read_json, read_record, rerun, validated
from terna.release.links import REMAKE
from terna.settings.declaration import STRICT, Sha256

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=STRICT)
class Emissions:
    """The content of release/metrics/emissions.json."""

    made: Sha256
    """The sha256 of the training's record, models/made.json."""
    of_steps: int
    """Steps of the training."""
    steps: int
    """Steps that were measured."""
    seconds: Amount
    energy_kwh: Amount
    emissions_kg: Amount
    """CO2 equivalent."""
    country: str
    """ISO 3166-1 alpha-3."""
    country_name: str
    cpu: str | None
    gpu: str | None
    hardware: str | None
    """Which of both trained."""
    codecarbon: str
    """Its version."""

    @property
    def kwh(self) -> str:
        """The energy, to four digits."""
        return f"{self.energy_kwh:.4g}"

    @property
    def grams(self) -> float:
        """CO2 equivalent, to four digits."""
        return float(f"{self.emissions_kg * 1000:.4g}")

    def front(self, fine_tuned: bool) -> dict[str, Any]:
        """`co2_eq_emissions` of the front matter, as the hub has it."""
        return {
            "emissions": self.grams,
            "source": f"codecarbon {self.codecarbon}",
            "training_type": "fine-tuning" if fine_tuned else "pre-training",
            "geographical_location": self.country_name,
            **({"hardware_used": self.hardware} if self.hardware else {}),
        }


def of_training(costs: Path, made: str) -> Emissions | None:
    """The figures in `costs`, logs/train.json, of the training whose record has the sha256 `made`.

    None where it was not measured in every step, and where the file is missing or of another training.
    """
    told = read_record(costs, {"made": str}, rerun("train")) if costs.exists() else {}
    if told.get("made") != made or "emissions" not in told:
        return None
    measured = _valid(told["emissions"] | {"made": made}, costs, rerun("train"))
    return measured if measured.steps == measured.of_steps else None


def of_release(path: Path) -> Emissions | None:
    """The figures that a release holds at `path`; None where it has none. DataError for anything else."""
    return _valid(read_json(path), path, REMAKE) if path.exists() else None


def _valid(content: Any, path: Path, remedy: str) -> Emissions:
    found: Emissions = validated(Emissions, content, f"{path}: emissions", remedy)
    return found
