"""The declaration of a corpus: its files, content, use and licence."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args
from urllib.parse import urlparse

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False)

# what a folder, a column, a stage of DVC and a word of a shell's command may be called
NAMES = "^[a-z0-9][a-z0-9_-]*$"
# the format of scored pairs, and those of translated sentences; the others, but for `columns`, are of labelled pairs
SCORED = "semeval_sts"
PARALLEL = ("xnli_parallel", "moses", "lines", "tab")
# of `columns`: what each shape calls its fields
FIELDS: Mapping[str, tuple[str, ...]] = {
    "nli": ("premise", "hypothesis", "label"),
    "pairs": ("anchor", "positive"),
    "triplets": ("anchor", "positive", "negatives"),
    "scored": ("sentence1", "sentence2", "score"),
    "classed": ("sentence1", "sentence2", "class"),
    "texts": ("text",),
}
# the field that may have several columns
SEVERAL = "negatives"
# where the data files of a dataset of the hub lie in the corpus's folder
DATASET = "dataset"
COMMIT = "^[0-9a-f]{40}$"

NAMED = "up to 100 lower-case letters, digits, - and _ are, the first a letter or a digit; rename it"

Count = Annotated[int, Field(ge=1, lt=2**31)]
Name = Annotated[str, Field(pattern=NAMES, max_length=100)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Shape = Literal["nli", "pairs", "triplets", "scored", "classed", "texts"]
Column = Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0, lt=2**15)]
Label = Literal["entailment", "neutral", "contradiction"]


@dataclass(frozen=True, config=STRICT)
class File:
    """One file of a corpus, with its name at the source."""

    addresses: Annotated[list[str], Field(min_length=1)]
    """Addresses of the file, in order of preference: http(s) addresses or paths from the project's root."""
    sha256: list[Sha256] = Field(default_factory=list)
    """Accepted sha256 digests."""
    members: list[str] = Field(default_factory=list)
    """For an archive: the base names of the members to read, in order. Empty: the file is not an archive."""

    @property
    def name(self) -> str:
        """Its name at the source: the last part of its first address."""
        return PurePosixPath(urlparse(self.addresses[0]).path).name


def _from_path(value: object) -> object:
    """A path alone stands for a file of that address."""
    return {"addresses": [value]} if isinstance(value, str) else value


if TYPE_CHECKING:
    Declared = File
else:
    Declared = Annotated[File, BeforeValidator(_from_path)]


@dataclass(frozen=True, config=STRICT)
class HubDataset:
    """A dataset on the hub."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")]
    """Name of the dataset: owner/name."""
    revision: Annotated[str, Field(min_length=1)] | None = None
    """The commit, 40 hex digits. If `exact` is false, a branch, a tag or null (the newest commit) is allowed too."""
    config: str | None = None
    """Name of the configuration; null: the default one."""
    split: Annotated[str, Field(min_length=1)] = "train"
    """Name of the split."""
    files: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    """Paths of the data files in the repository. Empty: the files of the configuration and the split."""


@dataclass(frozen=True, config=STRICT)
class Corpus:
    """The declaration of a corpus: its files, content, use and licence."""

    format: Literal[
        "columns",
        "xnli_tsv",
        "snli_jsonl",
        "xnli_mt_tsv",
        "semeval_sts",
        "xnli_parallel",
        "moses",
        "lines",
        "tab",
    ]
    """Format of the files: `columns` for CSV, TSV, JSON lines, Parquet or Arrow files or a dataset of the hub; else the
    parser of a published archive: NLI pairs, scored pairs (semeval_sts), or translated sentences."""
    language: str = "es"
    """ISO 639-1 code of the language; rows that are marked as another language are dropped. For a parallel corpus, the
    target language."""
    files: list[Declared] = Field(default_factory=list)
    """Its files, in order. A path alone is enough for a file without a published digest."""
    dataset: HubDataset | None = None
    """For `columns`, instead of files: a dataset on the hub."""
    shape: Shape | None = None
    """For `columns`: the content of a row, and its fields. `nli`: premise, hypothesis, label. `pairs`: anchor,
    positive. `triplets`: anchor, positive, negatives. `scored`: sentence1, sentence2, score. `classed`: sentence1,
    sentence2, class. `texts`: text."""
    columns: dict[str, Column | list[Column]] = Field(default_factory=dict)
    """For `columns`: the column of each of these fields, by name, or by index from 0 if a CSV has no header; for
    `negatives`, one column or a list. A field that is not listed is found by its own name or a common one, in any case.
    A column of `positive` or `negatives` may contain lists of texts: each positive gives a row, with all negatives."""
    pairs: Literal["title_body", "neighbours"] | None = None
    """For shape `texts`: treat each text as a document, and train on pairs that are found in it instead of the texts:
    its first line and the rest, or each sentence and the next. In a .txt file a blank line ends a document; in a folder
    of .txt files each file is a document. null: train on the texts."""
    labels: dict[str, Label | None] = Field(default_factory=dict)
    """For shape `nli`: the label of each value; null: rows with this value have no gold label and are dropped. Empty:
    the words entailment, neutral and contradiction, or 0, 1 and 2 in this order."""
    licence: str = "unknown"
    """SPDX identifier, or a short description of the licence."""
    citation: str = "Not given."
    """The publication to cite."""
    rows: Count | None = None
    """Number of rows in this language that the files must contain; null: not checked."""
    exact: bool = True
    """false: no digest of the original is published, so that any bytes are accepted, and their digest is recorded."""
    source: str | None = None
    """For a parallel corpus: ISO 639-1 code of the source language."""
    role: Literal["train", "development", "test"] = "train"
    """Allowed use of the corpus. Nothing is selected on a test benchmark."""
    scale: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(default_factory=lambda: [0.0, 5.0])
    """Lowest and highest possible score of scored pairs."""
    shapes: ClassVar[tuple[str, ...]] = get_args(Shape)
    # the shape that `labels` is for
    labelled: ClassVar[str] = "nli"

    @property
    def kind(self) -> Shape | Literal["parallel"]:
        """What its rows are: a shape, declared or that of its format, or translated sentences."""
        if self.shape is not None:
            return "pairs" if self.pairs else self.shape
        if self.format in PARALLEL:
            return "parallel"
        return "scored" if self.format == SCORED else "nli"

    @property
    def fields(self) -> list[tuple[str, ...]]:
        """Of `columns`: what its columns are, for each file, or once where all files have the same."""
        return [FIELDS[self.shape or self.kind]]

    @property
    def optional(self) -> tuple[str, ...]:
        """Of `fields`: those that need have no column."""
        return ()

    def declared(self, fields: Sequence[str]) -> list[Column]:
        """The columns that are declared for some fields, one after another."""
        given = [self.columns[field] for field in fields if field in self.columns]
        return [one for each in given for one in (each if isinstance(each, list) else [each])]

    @property
    def scored(self) -> bool:
        """Whether it holds scored pairs."""
        return self.kind == "scored"

    def paths(self, folder: Path) -> list[Path]:
        """Where its files lie once they are fetched into `folder`, in order; one folder for a dataset of the hub."""
        return [folder / DATASET] if self.dataset else [folder / file.name for file in self.files]
