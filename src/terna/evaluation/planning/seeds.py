"""How much a score varies with the seed alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terna.errors import DataError
from terna.records import read_record


@dataclass(frozen=True)
class Seeds:
    """The standard deviation of one run's score over seeds, and how many runs each trained system has.

    of_all: one for every score; or by_name: `spread` of what `make seeds` wrote into `file`. Neither: not counted.
    """

    runs: int = 1
    of_all: float | None = None
    by_name: Mapping[str, Any] | None = None
    file: Path | None = None

    @classmethod
    def read(cls, file: Path, runs: int) -> "Seeds":
        """From seeds/<settings>.json; DataError for another file."""
        kinds = {"spread": dict[str, dict[str, dict[str, Any]]]}
        return cls(runs, None, read_record(file, kinds, "give a .json that make seeds wrote")["spread"], file)

    @property
    def counted(self) -> bool:
        """Whether anything is known of them."""
        return self.of_all is not None or self.by_name is not None

    def sd(self, benchmark: str, score: str) -> float:
        """0 where seeds are not counted; DataError where the file has no standard deviation of this score."""
        if self.by_name is None:
            return self.of_all or 0.0
        found = self.by_name.get(benchmark, {}).get(score, {}).get("sd")
        if not isinstance(found, int | float):
            raise DataError(
                f"{self.file}: spread.{benchmark}.{score}.sd: not a number; give a file of two or more seeds that has "
                "this benchmark and score, or --seed-sd"
            )
        return float(found)
