"""The board: which systems and benchmarks are on it, what is known of each system, and how they are compared."""

from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.errors import SettingsError
from terna.settings.benchmark import Benchmark, Figure
from terna.settings.declaration import COMMIT, STRICT, Count, Name
from terna.settings.load import groups
from terna.settings.schema import Evaluate
from terna.settings.training import Prompts

# what the board calls the mean over its benchmarks
MEAN = "mean"
HUB = r"^[\w.-]+/[\w.-]+$"


@dataclass(frozen=True, config=STRICT)
class Listed:
    """A system on the board: where it is, and what is known of it. null: not known."""

    hub: Annotated[str, Field(pattern=HUB)] | None = None
    """Its name on the hub, owner/name."""
    revision: Annotated[str, Field(pattern=COMMIT)] | None = None
    """The commit on the hub, of 40 hex digits; null: the newest one, which the board says."""
    path: Annotated[str, Field(min_length=1)] | None = None
    """In place of `hub`: whatever `evaluate.systems` takes (a folder, `pkg:module/path`, word vectors)."""
    prompts: Prompts | None = None
    """What is put before texts; null: what the system was saved with."""
    parameters: Annotated[float, Field(gt=0)] | None = None
    """Parameters in millions, as published."""
    licence: str | None = None
    """SPDX identifier, or the word of its card."""
    year: Annotated[int, Field(ge=2010, le=2100)] | None = None
    """When it was published."""
    trained_on: str | None = None
    """What its authors say that it was trained on."""
    overlap: dict[Name, str] = Field(default_factory=dict)
    """What is known of a benchmark, by its name, in what the system was trained on."""
    remark: str | None = None
    """What else a reader must know."""

    @property
    def where(self) -> str:
        """What `evaluate.systems` would say."""
        return self.path or f"{self.hub}@{self.revision or 'main'}"


@dataclass(frozen=True, config=STRICT)
class Board:
    """What conf/board.yaml composes."""

    benchmarks: dict[Name, Benchmark]
    """The benchmarks by name."""
    systems: dict[Name, Listed]
    """The systems by name."""
    main_score: Figure
    """The score that systems are ranked by; a benchmark with another task is ranked by the first score of its own."""
    level: Annotated[float, Field(gt=0.5, lt=1)]
    """Of all intervals; 1 - level is the chance of any false difference on a benchmark."""
    resamples: Count
    """Bootstrap resamples of each benchmark."""
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Of the resamples, as the seed of a run is."""

    @property
    def evaluate(self) -> Evaluate:
        """The benchmarks as the evaluate stage knows them; none of them selects anything here."""
        return Evaluate(self.benchmarks, next(iter(self.benchmarks)), False, self.main_score, [], {})


def load_board(plain: Any) -> Board:
    """What conf/board.yaml composes to, checked; SettingsError with every fault."""
    sound, faults = groups(plain, Board)
    for name, one in sound.get("systems", {}).items():
        if (one.hub is None) == (one.path is None):
            faults.append(f"systems.{name}: hub and path {_both(one)}; give one of them")
        elif one.revision and not one.hub:
            faults.append(f"systems.{name}.revision: a path has no revision; remove it")
    if MEAN in sound.get("benchmarks", {}):
        faults.append(
            f"benchmarks.{MEAN}: the board calls the mean over benchmarks so; give the benchmark another name"
        )
    faults += [f"{name}: empty; choose at least one" for name in ("benchmarks", "systems") if sound.get(name) == {}]
    if faults:
        raise SettingsError(faults)
    return Board(**sound)


def _both(one: Listed) -> str:
    return "are both null" if one.hub is None else "are both set"
