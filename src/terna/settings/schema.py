"""The schema: one dataclass for each group of conf/, a docstring for each field."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.settings.declaration import STRICT, Corpus, Count

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
Figure = Literal[
    "cosine_pearson",
    "cosine_spearman",
    "euclidean_pearson",
    "euclidean_spearman",
    "manhattan_pearson",
    "manhattan_spearman",
    "dot_pearson",
    "dot_spearman",
]


@dataclass(frozen=True, config=STRICT)
class Fetch:
    """What is fetched; all but `only` is derived from the other groups."""

    corpora: list[str]
    """Names of the training corpora."""
    benchmarks: list[str]
    """Names of the benchmarks."""
    only: str | None
    """One of those names: fetch this one alone."""


@dataclass(frozen=True, config=STRICT)
class Translator:
    """A translation model of transformers, and how it is decoded."""

    checkpoint: str
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
    """Sentences that are written down together: what a kill can cost."""


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


@dataclass(frozen=True, config=STRICT)
class Scratch:
    """Shape of a RoBERTa that starts from random weights."""

    vocab_size: Annotated[int, Field(ge=300)]
    """Entries of the byte-level BPE vocabulary fitted on the training sentences (256 are single bytes)."""
    hidden_size: Count
    """Width of a token vector."""
    layers: Count
    """Number of transformer layers."""
    heads: Count
    """Attention heads a layer."""
    intermediate_size: Count
    """Width of the feed-forward layer."""


@dataclass(frozen=True, config=STRICT)
class Dense:
    """A Dense head on the pooled vector."""

    out_features: Count
    """Width of the sentence vector."""
    activation: Literal["tanh", "identity"]
    """What follows the linear map."""


@dataclass(frozen=True, config=STRICT)
class Model:
    """The encoder: backbone, pooling, head."""

    backbone: str
    """`scratch`, a hub name, a local folder, or `pkg:module/path` for a folder in an installed package."""
    max_length: Count
    """Tokens a sentence is cut to, special tokens included."""
    pooling: Literal["mean", "cls", "max"]
    """How token vectors become one."""
    revision: str | None
    """Revision of a hub name; give a commit to pin it."""
    scratch: Scratch | None
    """The shape, when the backbone is `scratch`."""
    dense: Dense | None
    """A Dense head; null: none."""


@dataclass(frozen=True, config=STRICT)
class Lora:
    """Low-rank adapters in place of training every weight of the backbone."""

    rank: Count
    """Width of an adapter."""
    alpha: Positive
    """An adapter counts alpha / rank times."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Dropout before an adapter."""


@dataclass(frozen=True, config=STRICT)
class Train:
    """The run: loss, batches, optimizer, schedule, selection."""

    batch_size: Annotated[int, Field(ge=2)]
    """Triplets a step."""
    epochs: Count
    """Passes over the triplets."""
    weights: dict[Name, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """How often an epoch has each triplet of a corpus, on average; one that is not named: once."""
    lr: Positive
    """Peak learning rate of AdamW."""
    warmup: Fraction
    """Share of all steps in which the learning rate climbs, rounded to whole steps."""
    scale: Positive
    """Factor on the cosine before the softmax."""
    symmetric: bool
    """Also rank the anchors for each positive, and average the two losses."""
    known_positives: bool
    """Leave known positives of an anchor out of its negatives: a labelled entailment counts in both directions."""
    matryoshka: list[Count]
    """Sum the loss over vectors cut to so many dimensions, rising; the whole counts if it is named; empty: it alone."""
    weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's decay, on all but biases and norms."""
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    """The learning rate of a layer as a share of that of the layer above; 1: the same for all."""
    eps: Positive
    """AdamW's epsilon."""
    clip: Annotated[float, Field(ge=0)]
    """Largest gradient norm; 0 turns clipping off."""
    precision: Literal["32-true", "tf32", "bf16-mixed", "16-mixed"]
    """Lightning's precision; tf32 is 32-true with matrix products in TensorFloat-32, where a GPU has it."""
    packed: bool
    """Compute no padding, where the backbone can; false: padded batches, the reference."""
    cached: bool
    """Gradient caching: memory for a chunk of the batch at a time, for a second forward pass. The same gradients."""
    compile: bool
    """Compile the backbone with torch.compile."""
    gather: bool
    """With several devices: rank each anchor among the texts of all of them, not of its own alone."""
    lora: Lora | None
    """Train low-rank adapters (needs the extra `lora`) and add them to the weights in the end; null: every weight."""
    score_every: Count | None
    """Also score the development benchmark every so many steps; null: at each epoch's end alone."""
    patience: Count | None
    """Stop after so many scorings without a better one; null: never."""


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


@dataclass(frozen=True, config=STRICT)
class Evaluate:
    """What is scored, and what is chosen by it."""

    benchmarks: dict[Name, Corpus]
    """The benchmarks by name."""
    select_on: str
    """The benchmark, with role `development`, that chooses the checkpoint."""
    main_score: Figure
    """The one figure that stands for a benchmark, declared beforehand."""
    reported: list[Reported]
    """Published figures to print in the same table."""


@dataclass(frozen=True, config=STRICT)
class Logger:
    """Where curves go beside the CSV files that are always written."""

    wandb: bool
    """Log to Weights & Biases: online when a key is set and the service answers, offline otherwise."""
    project: str
    """W&B project."""
    entity: str | None
    """W&B entity; null: the user's own."""
    group: str | None
    """W&B group."""


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


@dataclass(frozen=True, config=STRICT)
class Release:
    """What the encoder is called when it goes out."""

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
    fetch: Fetch
    translate: Translate
    triplets: Triplets
    model: Model
    train: Train
    evaluate: Evaluate
    release: Release
    logger: Logger
    machine: Machine
