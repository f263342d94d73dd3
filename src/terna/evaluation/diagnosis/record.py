"""What metrics/diagnosis.json holds: a Diagnosis for each benchmark."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic.dataclasses import dataclass

from terna.records import read_json, rerun, validated, write_json
from terna.settings.declaration import STRICT


@dataclass(frozen=True, config=STRICT)
class Part:
    """The figures over some of the pairs; None where they are undefined or the pairs too few."""

    name: str
    """Which pairs."""
    n: int
    """How many."""
    pearson: float | None
    """Of the model's predictions with the gold."""
    spearman: float | None
    """The same by ranks."""
    baseline_pearson: float | None
    """Of the lexical baseline (character TF-IDF) on the same pairs."""
    baseline_spearman: float | None
    """The same by ranks."""
    difference: float | None
    """The model's figure minus the baseline's, of the main score's kind."""
    ci95: tuple[float | None, float | None]
    """The 95 % bootstrap interval of the difference."""


@dataclass(frozen=True, config=STRICT)
class Band(Part):
    """The pairs whose gold lies in a band, and where the model puts them; ranks go from 0, the least, to 1."""

    gold: float | None
    """The mean gold."""
    predicted: float | None
    """The mean prediction."""
    gold_rank: float | None
    """The mean rank of the gold among all pairs."""
    predicted_rank: float | None
    """The mean rank of the prediction among all pairs: above gold_rank, the band is held too similar."""


@dataclass(frozen=True, config=STRICT)
class Pair:
    """A pair of sentences that people and the model rank differently; ranks go from 0, the least, to 1."""

    file: str
    line: int
    sentence1: str
    sentence2: str
    gold: float
    predicted: float
    gold_rank: float
    predicted_rank: float


@dataclass(frozen=True, config=STRICT)
class Neighbour:
    """A sentence that is near another."""

    sentence: str
    similarity: float


@dataclass(frozen=True, config=STRICT)
class Neighbours:
    """A sentence of the benchmark, and the nearest of its other sentences, the nearest first."""

    sentence: str
    model: list[Neighbour]
    """By the model's main similarity."""
    baseline: list[Neighbour]
    """By the lexical baseline (character TF-IDF); fewer, or none, where too few share a term with the sentence."""


@dataclass(frozen=True, config=STRICT)
class Space:
    """How the vectors of a benchmark's distinct sentences lie; None where there are too few of them."""

    sentences: int
    """Distinct sentences."""
    anisotropy: float | None
    """The mean cosine of two of them: 0 where they point everywhere, 1 where all point one way."""
    close: int
    """Pairs in the upper fifth of the gold scale."""
    alignment: float | None
    """The mean squared distance of the unit vectors of those: less is better."""
    uniformity: float | None
    """The logarithm of the mean Gaussian potential of two distinct sentences: less is better."""


@dataclass(frozen=True, config=STRICT)
class Diagnosis:
    """A benchmark taken apart."""

    measure: str
    """The similarity that the predictions are."""
    kind: str
    """`pearson` or `spearman`: what the differences are of."""
    by_file: list[Part]
    by_length: list[Part]
    """Thirds by the words of both sentences together."""
    by_overlap: list[Part]
    """Bands by the share of words that both sentences have."""
    by_gold: list[Band]
    """Fifths of the gold scale."""
    worst: list[Pair]
    """The pairs with the largest differences of rank, the largest first."""
    neighbours: list[Neighbours]
    """Of a few sentences, drawn with the run's seed."""
    space: dict[str, Space]
    """Of this model's vectors and of the untouched backbone's, where there is one."""


def write(found: Mapping[str, Diagnosis], path: Path) -> None:
    """Write the diagnosis of each benchmark as JSON."""
    write_json({name: asdict(one) for name, one in found.items()}, path)


def read(path: Path) -> dict[str, Diagnosis]:
    """Read what `write` wrote; DataError when it is missing or something else."""
    found: dict[str, Diagnosis] = validated(dict[str, Diagnosis], read_json(path), str(path), rerun("evaluate"))
    return found
