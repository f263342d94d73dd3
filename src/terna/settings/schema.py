"""The schema: one dataclass for each group of conf/, a docstring for each field."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.settings.benchmark import KINDS, Benchmark, Figure
from terna.settings.declaration import STRICT, Corpus, Count, Name
from terna.settings.training import Model, Prompts, Train

CHOSEN_ON_TEST = "test, and chosen on"


@dataclass(frozen=True, config=STRICT)
class Fetch:
    """What is fetched; everything except `only` is derived from the other groups."""

    corpora: list[Name]
    """Names of the training corpora."""
    benchmarks: list[Name]
    """Names of the benchmarks."""
    only: Name | None
    """One of those names: fetch this one alone."""


@dataclass(frozen=True, config=STRICT)
class Translator:
    """A translation model of transformers, and how it is decoded."""

    checkpoint: Annotated[str, Field(min_length=1)]
    """Hub name or local folder of a Marian, M2M100 or NLLB checkpoint with safetensors weights."""
    revision: str | None
    """Revision of a hub name; give a commit to pin it."""
    codes: dict[str, str]
    """What the checkpoint calls a language, by ISO 639-1 code; empty for a checkpoint of one direction."""
    beams: Count
    """Beams of the search; 1 is greedy."""
    precision: Literal["float32", "bfloat16", "float16"]
    """Of the weights and of the arithmetic."""
    max_length: Annotated[int, Field(ge=4)]
    """Tokens a sentence is cut to, and tokens that its translation may have."""
    batch_tokens: Count
    """Source tokens a batch, padding included."""
    shard: Count
    """Sentences that are written together: what a kill can cost."""


@dataclass(frozen=True, config=STRICT)
class Translate:
    """How rows in another language become rows in the target language."""

    target: str
    """ISO 639-1 code of the language that the triplets are in."""
    model: Translator | None
    """What translates; null passes rows through as they are."""


@dataclass(frozen=True, config=STRICT)
class Triplets:
    """How labelled pairs become triplets."""

    dev_fraction: Annotated[float, Field(ge=0, lt=1)]
    """Share of the premises held out for development; 0 turns the split off."""
    overlap: Annotated[float, Field(gt=0, le=1)]
    """Share of character n-grams from which on a sentence nearly equals one of a benchmark's."""
    drop_overlap: Literal["none", "exact", "near"]
    """Which pairs are left out: none, those with a sentence of a benchmark, or those with one that nearly is."""


Similarity = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True, config=STRICT)
class Mine:
    """Hard negatives: sentences of the mix that an encoder takes for an anchor's, though nothing says that they follow.

    The options are those of sentence-transformers' `mine_hard_negatives`, with the same meaning.
    """

    encoder: Annotated[str, Field(min_length=1)] | None
    """What ranks the sentences: whatever `evaluate.systems` takes; null: nothing is mined."""
    negatives: Count
    """How many each anchor and positive gets, beside those that it has."""
    range_min: Annotated[int, Field(ge=0)]
    """This many of the nearest, of those within the limits below, are skipped: they may be unlabelled positives."""
    range_max: Count | None
    """This many of the nearest are considered; null: as many as `negatives` need, or ten times that with a limit."""
    absolute_margin: Annotated[float, Field(ge=0, le=2)] | None
    """How far a negative's similarity to the anchor is below the positive's at least; null: it does not matter."""
    relative_margin: Annotated[float, Field(ge=0, lt=1)] | None
    """The same as a share of the positive's similarity: 0.05 is NV-Retriever's; null: it does not matter."""
    max_score: Similarity | None
    """The highest similarity that a negative may have; null: any."""
    min_score: Similarity | None
    """The lowest; null: any."""
    sampling: Literal["top", "random"]
    """Which of those that are left: the nearest, or any, by `seed`."""
    search: Literal["exact", "faiss"]
    """`exact` compares each anchor with each sentence, `faiss` with those of the nearest cells (extra faiss)."""
    others: Literal["keep", "drop"]
    """What becomes of rows for which there are fewer: `keep` trains on them as they are, `drop` leaves them out."""


@dataclass(frozen=True, config=STRICT)
class Reported:
    """A system's figures as its authors report them: printed beside ours, never computed."""

    system: str
    """Its name."""
    benchmark: str
    """On which benchmark."""
    source: str
    """Who says so."""
    figures: dict[Figure, float]
    """The figures, as fractions of 1."""
    weighted_mean: Annotated[float, Field(ge=-1, le=1)] | None = None
    """SemEval's own score: the mean of Pearson's correlation over the files, weighted by their numbers of pairs."""


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """What is scored, and what is chosen by it."""

    benchmarks: dict[Name, Benchmark]
    """The benchmarks by name."""
    select_on: str
    """The benchmark, with role `development`, that chooses the checkpoint."""
    replication: bool
    """Let a benchmark with role `test` choose, as a published protocol did; its figures are marked as chosen on it."""
    main_score: Figure
    """The one figure that stands for a benchmark, declared beforehand; one of another task is told by `score_of`."""
    reported: list[Reported]
    """Published figures to print in the same table."""

    def use_of(self, benchmark: str) -> str:
        """What a benchmark was for: development or test, and whether the checkpoint was chosen on it."""
        role = self.benchmarks[benchmark].role
        if benchmark != self.select_on:
            return role
        return CHOSEN_ON_TEST if role == "test" else "chosen on"

    def score_of(self, benchmark: str) -> str:
        """The figure that stands for a benchmark: the main score or, where that is another task's, its task's first."""
        measure, _, kind = self.main_score.partition("_")
        kinds = KINDS[self.benchmarks[benchmark].task]
        if kind in kinds:
            return self.main_score
        return f"{measure if f'{measure}_{kinds[0]}' in self.benchmarks[benchmark].figures else 'cosine'}_{kinds[0]}"

    def partner_of(self, benchmark: str) -> str | None:
        """The benchmark that has the same files in another role, so that each holds a part of them; None without."""
        own = self.benchmarks[benchmark]
        same = (
            name for name, one in self.benchmarks.items() if (one.origin, one.role != own.role) == (own.origin, True)
        )
        return next(same, None) if own.split else None

    systems: dict[Name, Annotated[str, Field(min_length=1)]]
    """Other encoders to score on the same pairs, by name: a folder, a hub name with its revision (`name@revision`),
    `pkg:module/path`, or word vectors in a text file (`.vec`, `.txt`, `.gz`)."""
    prompts: dict[Name, Prompts] = Field(default_factory=dict)
    """Prompts of other systems, by name (`untouched`: the start before training); a system that is not named keeps the
    prompts that it was saved with."""


@dataclass(frozen=True, config=STRICT)
class Logger:
    """Where curves go beside the CSV files that are always written; never what comes out."""

    wandb: bool
    """Weights & Biases: online where a key is set and the service answers, else offline, for `wandb sync`."""
    tensorboard: bool
    """TensorBoard, in logs/tensorboard/; needs the extra `tensorboard`."""
    mlflow: bool
    """MLflow, in logs/mlflow.db or where MLFLOW_TRACKING_URI says; needs the extra `mlflow`."""
    project: Annotated[str, Field(min_length=1)]
    """W&B's project, MLflow's experiment."""
    entity: str | None
    """W&B's entity; null: the user's own."""
    name: str | None
    """What the run is called; null: after release.name, DVC's experiment or the job of a sweep."""
    group: str | None
    """W&B's group, a tag in MLflow."""
    tags: list[Annotated[str, Field(min_length=1, max_length=64)]]
    """Tags of the run."""
    encoder: bool
    """Give W&B the released encoder too, as an artifact."""


@dataclass(frozen=True, config=STRICT)
class Machine:
    """Where it runs, never what comes out."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    """Lightning's accelerator."""
    devices: Count
    """Devices a machine."""
    nodes: Count
    """Machines."""
    checkpoint_every: Count
    """Steps from one checkpoint to the next: what a kill can cost. SIGTERM writes one too."""
    workers: Count
    """Processes that parse and translate."""
    progress: bool
    """Show progress bars."""
    timeout: Count
    """Seconds that a process waits for the others of its run: how soon a machine that is lost ends it."""
    profiler: Literal["simple", "advanced"] | None = None
    """Lightning's profiler of training, in logs/fit-profile.txt: `simple` times Lightning's hooks, `advanced` each
    function in them; null: none."""


@dataclass(frozen=True, config=STRICT)
class Release:
    """What the encoder is called when it is published."""

    name: Name
    """Name on the card."""
    repo: str
    """`owner/name` (or a folder) that the card's usage snippets load."""


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Everything that a run depends on."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seeds the split, the choice of triplets, the batch plan, the weights and dropout."""
    corpora: dict[Name, Corpus]
    """The training mix by name."""
    parallel: dict[Name, Corpus]
    """Corpora of translated sentences by name: what a vocabulary and a student learn from; empty: none."""
    fetch: Fetch
    translate: Translate
    triplets: Triplets
    mine: Mine
    model: Model
    train: Train
    evaluate: Evaluate
    release: Release
    logger: Logger
    machine: Machine
