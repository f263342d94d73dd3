"""The electricity that a training uses, and the CO2 emitted to generate it, as codecarbon estimates them."""

import logging
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from terna.errors import ModelError
from terna.settings import Machine

# what is added up over the parts of a training that was resumed
SUMS = ("steps", "seconds", "energy_kwh", "emissions_kg")


class Last:
    """An output of codecarbon, which keeps the last of its records and writes nothing."""

    record: Any = None

    def out(self, total: Any, _: Any) -> None:
        """Keep it; codecarbon calls this when it is asked for a figure."""
        self.record = total

    live_out = out

    def exit(self) -> None:
        """Nothing to close."""


class Emissions(Callback):
    """Measures the machine while it trains, with a country's mix of electricity.

    The figures are part of a checkpoint, so those of a resumed run are of all its parts; steps lost between checkpoint
    and interruption are not in them. Of several processes the first one measures, which covers the whole machine: all
    of its processors and memory, and the GPUs in CUDA_VISIBLE_DEVICES, where it is set. Without network or file.

    country: an ISO 3166-1 alpha-3 code. Raises ModelError when codecarbon is not installed.
    """

    def __init__(self, country: str) -> None:
        self.country = country
        self.before: dict[str, float] = dict.fromkeys(SUMS, 0)
        self.first = self.steps = 0
        self.on_gpu = False
        self.last = Last()
        self.tracker: Any = None
        try:
            from codecarbon import OfflineEmissionsTracker
        except ModuleNotFoundError as error:
            raise ModelError(f"machine.emissions: {error}; pip install -e '.[carbon]'") from error
        self.kind = OfflineEmissionsTracker

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        if not trainer.is_global_zero:
            return
        self.first = trainer.global_step
        self.on_gpu = trainer.strategy.root_device.type == "cuda"
        logging.getLogger("codecarbon").setLevel(logging.ERROR)  # it warns before it sets its own level
        # what would call a server or change the country is given, so that codecarbon's configuration cannot set it
        self.tracker = self.kind(
            country_iso_code=self.country,
            region=None,
            cloud_provider=None,
            cloud_region=None,
            force_carbon_intensity_g_co2e_kwh=None,
            electricitymaps_api_token="",
            emissions_endpoint="",
            output_dir=".",
            output_methods=[],
            output_handlers=[self.last],
            tracking_mode="machine",
            allow_multiple_runs=True,
            log_level="error",
        )
        self.tracker.start()

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Count the steps that are measured."""
        self.steps = trainer.global_step - self.first

    def on_fit_end(self, *_: object) -> None:
        """End: the last scoring is behind."""
        if self.tracker:
            self.tracker.stop()

    def on_exception(self, *_: object) -> None:
        """End, where the run is stopped or fails."""
        self.on_fit_end()

    def state_dict(self) -> dict[str, Any]:
        """The figures so far."""
        if self.tracker:
            self.tracker.flush()
        return {"country": self.country, **self._sums()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Add to the figures of a checkpoint, unless they are another country's."""
        if state_dict["country"] == self.country:
            self.before = {name: state_dict[name] for name in SUMS}

    def record(self, steps: int) -> dict[str, Any]:
        """What logs/train.json tells of a run that has ended after `steps`."""
        last = self.last.record
        return {
            "of_steps": steps,
            **self._sums(),
            "country": self.country,
            "country_name": last.country_name,
            "cpu": last.cpu_model or None,
            "gpu": last.gpu_model or None,
            "hardware": (last.gpu_model if self.on_gpu else last.cpu_model) or None,
            "codecarbon": last.codecarbon_version,
        }

    def sentence(self, steps: int) -> str:
        """The figures in words; what the card leaves out, since not all `steps` were measured, is said to be so."""
        sums = self._sums()
        told = f", {sums['energy_kwh']:.3g} kWh, {sums['emissions_kg'] * 1000:.3g} g of CO2 equivalent ({self.country})"
        return told if sums["steps"] == steps else f"{told} in {sums['steps']} steps alone, not for the card"

    def _sums(self) -> dict[str, float]:
        last = self.last.record
        now = (self.steps, last.duration, last.energy_consumed, last.emissions) if last else (0, 0, 0, 0)
        return {name: self.before[name] + more for name, more in zip(SUMS, now, strict=True)}


def meters(machine: Machine) -> list[Emissions]:
    """What measures a training: one, or none where machine.emissions is null."""
    return [Emissions(machine.emissions)] if machine.emissions else []
