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
    """What the stage `fetch` downloads. Everything except `only` is derived from the other groups."""

    corpora: list[Name]
    """Names of the training corpora."""
    benchmarks: list[Name]
    """Names of the benchmarks."""
    only: Name | None
    """One of these names: fetch only this corpus or benchmark; null: all."""


@dataclass(frozen=True, config=STRICT)
class Translator:
    """A translation model of transformers, and the settings of its decoding."""

    checkpoint: Annotated[str, Field(min_length=1)]
    """Hub name or local folder of a Marian, M2M100 or NLLB checkpoint with safetensors weights."""
    revision: str | None
    """Revision of a hub name; give a commit to pin it."""
    codes: dict[str, str]
    """The checkpoint's own code of each language, by ISO 639-1 code; empty for a checkpoint of one direction."""
    beams: Count
    """Number of beams in beam search; 1: greedy decoding."""
    precision: Literal["float32", "bfloat16", "float16"]
    """Precision of the weights and of the arithmetic."""
    max_length: Annotated[int, Field(ge=4)]
    """Maximum number of tokens of a sentence, which is truncated to it, and of its translation."""
    batch_tokens: Count
    """Source tokens per batch, padding included."""
    shard: Count
    """Sentences per written part: a stage that is killed loses at most the work on one part."""


@dataclass(frozen=True, config=STRICT)
class Translate:
    """How rows in other languages are translated into the target language."""

    target: str
    """ISO 639-1 code of the language of the triplets."""
    model: Translator | None
    """The translation model; null: rows are not translated."""


@dataclass(frozen=True, config=STRICT)
class Triplets:
    """How labelled pairs become triplets."""

    dev_fraction: Annotated[float, Field(ge=0, lt=1)]
    """Share of the premises held out for development; 0 turns the split off."""
    overlap: Annotated[float, Field(gt=0, le=1)]
    """A sentence nearly equals a benchmark's sentence if they share at least this fraction of character n-grams."""
    drop_overlap: Literal["none", "exact", "near"]
    """Which pairs are dropped: `none`; `exact`: those with a sentence of a benchmark; `near`: also those with a
    sentence that nearly equals one."""


Similarity = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True, config=STRICT)
class Mine:
    """Hard negatives: sentences that an encoder finds similar to an anchor, and that are not known positives of it.

    They come from the training mix. The options are those of sentence-transformers' `mine_hard_negatives`, with the
    same meaning.
    """

    encoder: Annotated[str, Field(min_length=1)] | None
    """The encoder that ranks the sentences, given as in `evaluate.systems`; null: nothing is mined."""
    negatives: Count
    """Number of negatives that are added to each pair of anchor and positive."""
    range_min: Annotated[int, Field(ge=0)]
    """Skip this many of the nearest sentences within the limits below: they may be unlabelled positives."""
    range_max: Count | None
    """Consider this many of the nearest sentences; null: as many as `negatives` need, or ten times that if one of the
    limits below is set."""
    absolute_margin: Annotated[float, Field(ge=0, le=2)] | None
    """A negative's similarity to the anchor must be at least this much below the positive's; null: no such limit."""
    relative_margin: Annotated[float, Field(ge=0, lt=1)] | None
    """The same margin as a fraction of the positive's similarity, 0.05 in NV-Retriever; null: no such limit."""
    max_score: Similarity | None
    """Highest similarity of a negative to the anchor; null: no limit."""
    min_score: Similarity | None
    """Lowest similarity of a negative to the anchor; null: no limit."""
    sampling: Literal["top", "random"]
    """Which of the remaining candidates are taken: `top`: the nearest; `random`: a random choice that `seed` fixes."""
    search: Literal["exact", "faiss"]
    """`exact`: compare each anchor with every sentence; `faiss`: only with those of the nearest cells (needs the extra
    `faiss`)."""
    others: Literal["keep", "drop"]
    """Rows with fewer negatives than `negatives`: `keep` trains on them unchanged, `drop` drops them."""


@dataclass(frozen=True, config=STRICT)
class Reported:
    """A system's published scores. They are printed in the same table and are not computed here."""

    system: str
    """Name of the system."""
    benchmark: str
    """Name of the benchmark."""
    source: str
    """The publication that reports the scores."""
    figures: dict[Figure, float]
    """The scores, as fractions of 1."""
    weighted_mean: Annotated[float, Field(ge=-1, le=1)] | None = None
    """SemEval's official score: the mean Pearson correlation of the files, weighted by their numbers of pairs."""


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """The benchmarks and systems that are scored, and the benchmark that selects the checkpoint."""

    benchmarks: dict[Name, Benchmark]
    """The benchmarks by name."""
    select_on: str
    """The benchmark that selects the checkpoint; its role must be `development`."""
    replication: bool
    """Allow a benchmark with role `test` to select the checkpoint, as a published protocol did. Its scores are marked
    `test, and chosen on`."""
    main_score: Figure
    """The score that is reported first and selects checkpoints, fixed before the run. A benchmark of another task uses
    its own task's first score."""
    reported: list[Reported]
    """Published scores to print in the same table."""

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
    """Other encoders to score on the same pairs, by name. Each is a folder, a hub name with its revision
    (`name@revision`), `pkg:module/path`, or word vectors in a text file (`.vec`, `.txt`, `.gz`)."""
    prompts: dict[Name, Prompts] = Field(default_factory=dict)
    """Prompts of the other systems, by name (`untouched`: the start before training). A system that is not listed uses
    the prompts that were saved with it."""


@dataclass(frozen=True, config=STRICT)
class Logger:
    """Where training curves are logged, in addition to the CSV files that are always written. Results do not change."""

    wandb: bool
    """Weights & Biases: online if a key is set and the service answers, else offline, for `wandb sync`."""
    tensorboard: bool
    """TensorBoard, in logs/tensorboard/; needs the extra `tensorboard`."""
    mlflow: bool
    """MLflow, in logs/mlflow.db or at MLFLOW_TRACKING_URI; needs the extra `mlflow`."""
    project: Annotated[str, Field(min_length=1)]
    """The project in W&B, the experiment in MLflow."""
    entity: str | None
    """The entity in W&B; null: the default entity of the user."""
    name: str | None
    """Name of the run; null: made from release.name, the DVC experiment or the job of a sweep."""
    group: str | None
    """The group in W&B, a tag in MLflow; null: none."""
    tags: list[Annotated[str, Field(min_length=1, max_length=64)]]
    """Tags of the run."""
    encoder: bool
    """Also upload the released encoder to W&B as an artifact."""


@dataclass(frozen=True, config=STRICT)
class Machine:
    """The hardware and processes of a run. A change of these settings does not make a stage run again."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"]
    """Lightning's accelerator."""
    devices: Count
    """Devices per machine."""
    nodes: Count
    """Number of machines."""
    checkpoint_every: Count
    """Steps between checkpoints: a training that is killed loses at most these. SIGTERM also writes a checkpoint."""
    workers: Count
    """Number of processes that parse and translate."""
    progress: bool
    """Show progress bars."""
    timeout: Count
    """Seconds that a process waits for the other processes of its run. If one is lost, the run ends after this time."""
    ray: Annotated[str, Field(pattern=r"^(local|auto|[^\s/]+:[0-9]+)$")] | None = None
    """`translate` and `mine` run over Ray Data (extra `ray`): `local` starts a Ray and stops it with the stage; `auto`
    or `HOST:PORT` is the address of a cluster, whose machines share the project's folder; null: without Ray."""
    profiler: Literal["simple", "advanced"] | None = None
    """Lightning's profiler of training, in logs/fit-profile.txt: `simple` times Lightning's hooks, `advanced` each
    function in them; null: none."""
    emissions: str | None = None
    """Measure the energy of training and its CO2 with codecarbon (extra `carbon`), for the card: the ISO 3166-1 alpha-3
    code of the country, such as `ESP`, whose electricity is used; null: not measured."""
    sharded: bool = False
    """With several processes: each holds a part of the weights, the gradients and the optimizer's state (FSDP2), for
    backbones that one GPU does not hold; false: each holds all of them (DDP)."""


@dataclass(frozen=True, config=STRICT)
class Release:
    """The names under which the encoder is published."""

    name: Name
    """Name on the model card."""
    repo: str
    """`owner/name` (or a folder) that the card's usage snippets load."""


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Everything that a run depends on."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seed of the split, the choice of triplets, the batch plan, new weights and dropout."""
    corpora: dict[Name, Corpus]
    """The training mix by name."""
    parallel: dict[Name, Corpus]
    """Corpora of translated sentences by name, from which a vocabulary and a student learn; empty: none."""
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
