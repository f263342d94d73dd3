"""The declaration of a corpus: where it is, what it holds, what one may do with it."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlparse

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False)

# what a folder, a column, a stage of DVC and a word of a shell's command may be called
NAMES = "^[a-z0-9][a-z0-9_-]*$"
# formats of scored pairs and of translated sentences; the others are of labelled pairs
SCORED = ("semeval_sts", "scored_csv")
PARALLEL = ("xnli_parallel", "moses", "lines", "tab")

# what the examples of a corpus are; formats that are not named here are of labelled pairs
Shape = Literal["labelled", "tuples", "scored", "classed"]
SHAPES: dict[str, Shape] = dict.fromkeys(SCORED, "scored")

NAMED = "up to 100 lower-case letters, digits, - and _ are, the first a letter or a digit; rename it"

Count = Annotated[int, Field(ge=1, lt=2**31)]
Name = Annotated[str, Field(pattern=NAMES, max_length=100)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=STRICT)
class File:
    """One file of a corpus, as it is called at its source."""

    addresses: Annotated[list[str], Field(min_length=1)]
    """Where to get it, in order of preference: an http(s) address or a path from the project's root."""
    sha256: list[Sha256]
    """Digests that are accepted."""
    members: list[str] = Field(default_factory=list)
    """For an archive: the base names of the members to read, in order. Empty: the file is the text itself."""

    @property
    def name(self) -> str:
        """What it is called at its source: the last part of its first address."""
        return PurePosixPath(urlparse(self.addresses[0]).path).name


@dataclass(frozen=True, config=STRICT)
class Corpus:
    """A corpus as a declaration: where it is, what it holds, what one may do with it."""

    format: Literal[
        "xnli_tsv",
        "snli_jsonl",
        "xnli_mt_tsv",
        "pairs_tsv",
        "pairs_jsonl",
        "inferes_csv",
        "semeval_sts",
        "scored_csv",
        "xnli_parallel",
        "moses",
        "lines",
        "tab",
    ]
    """Which parser reads it: NLI pairs, scored pairs (SCORED), or translated sentences (PARALLEL)."""
    language: str
    """ISO 639-1 code: rows that say they are in another language are left out. Of a parallel corpus, the target's."""
    files: Annotated[list[File], Field(min_length=1)]
    """Its files, in order."""
    licence: str
    """SPDX identifier or, where there is none, a word for what is known."""
    citation: str
    """Whom to credit."""
    rows: Count | None = None
    """Rows in this language that the files must hold; null: not checked."""
    exact: bool = True
    """False: no digest of the original is published, so other bytes pass too, and are recorded."""
    source: str | None = None
    """Of a parallel corpus: ISO 639-1 code of the language that its sentences are translations of."""
    role: Literal["train", "development", "test"] = "train"
    """What it may be used for; a test benchmark selects nothing."""
    scale: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(default_factory=lambda: [0.0, 5.0])
    """Lowest and highest score of scored pairs."""

    @property
    def scored(self) -> bool:
        """Whether it holds scored pairs."""
        return self.format in SCORED

    @property
    def shape(self) -> Shape:
        """What its examples are, and so which loss learns from them."""
        return SHAPES.get(self.format, "labelled")

    def paths(self, folder: Path) -> list[Path]:
        """Where its files lie once they are fetched into `folder`, in order."""
        return [folder / file.name for file in self.files]
