"""The schema of the groups model and train: a docstring for each field."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.settings.declaration import STRICT, Count, Name, Sha256

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]

# the share of words that the loss tsdae deletes
DELETED = 0.6


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
class Words:
    """Words of the target language as tokens of their own, which start from what their translations mean."""

    min_count: Annotated[float, Field(gt=0)]
    """A word is added when it is aligned with its translations at least so often, in expected alignments."""
    own_pieces: Annotated[float, Field(ge=0)]
    """How many alignments the pieces that the word was cut into before count for, in its first vector."""
    sentences: Count
    """Sentence pairs that the alignment reads at most: the first ones."""


@dataclass(frozen=True, config=STRICT)
class Keep:
    """The entries that stay in a vocabulary that is cut to the text at hand; characters and special tokens stay too."""

    min_count: Annotated[int, Field(ge=0)]
    """An entry stays when it occurs at least so often in the distinct sentences; 0: up to `size`, by frequency."""
    size: Count | None
    """Entries at most, those that always stay included: the most frequent ones, of equals those of lower ids, which
    tokenizers mostly give to what is more frequent; null: all that occur often enough."""


@dataclass(frozen=True, config=STRICT)
class Vocabulary:
    """How the vocabulary of the start is changed: first words are added, then it is cut."""

    words: Words | None
    """Words learnt from the parallel corpora, for a backbone that cuts into WordPieces; null: none."""
    keep: Keep | None
    """Which entries stay, in a vocabulary of WordPieces, BPE or Unigram pieces; null: all."""


@dataclass(frozen=True, config=STRICT)
class Prompts:
    """What is put before texts, by what they are; sentence-transformers knows them by the same names."""

    query: str
    """Before queries and anchors, such as `query: ` with its blank; empty: nothing."""
    document: str
    """Before documents, positives and negatives; empty: nothing."""
    default: Literal["query", "document"] | None = None
    """Which of the two stands before every other text: both sentences of a pair; null: none."""
    corpora: dict[Name, Literal["query", "document", "by_column"]] = Field(default_factory=dict)
    """What stands before the texts of a corpus, where that is another: one of the two before all of them, as a
    symmetric task asks; or by column, `query` before the first and `document` before the others."""


@dataclass(frozen=True, config=STRICT)
class Model:
    """The encoder: backbone, pooling, head; or another encoder to start from."""

    backbone: Annotated[str, Field(min_length=1)]
    """`scratch`, a hub name, a local folder, or `pkg:module/path` for a folder in an installed package."""
    max_length: Count
    """Tokens a sentence is cut to, special tokens included."""
    pooling: Literal["mean", "cls", "max"] | None
    """How token vectors become one; null: as the encoder does that `backbone` names, with its head and prompt too."""
    revision: str | None
    """Revision of a hub name; give a commit to pin it."""
    scratch: Scratch | None
    """The shape, when the backbone is `scratch`."""
    dense: Dense | None
    """A Dense head; null: none, or with pooling null that of the encoder."""
    vocabulary: Vocabulary
    """Words that are added to the vocabulary, and entries that are cut from it."""
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None
    """The transformer layers that are kept, rising, counted from 0; null: all."""
    prompts: Prompts | None = None
    """Prompts that are trained with and saved; null: the start's, its default prompt before every text."""
    sha256: Sha256 | None = None
    """Of the weights' file, model.safetensors, in a folder or an installed package; null: not checked."""


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
class Distill:
    """A student learns a teacher's vectors, or the similarities between them, in place of ranking triplets."""

    teacher: Annotated[str, Field(min_length=1)] | None
    """What encodes: a folder, `name@revision` on the hub or `pkg:module/path`; null: the encoder that training starts
    from, unchanged."""
    sources: bool
    """The student learns the source sentences too, and so stays with the teacher where both know the language."""
    unit: bool
    """Compare directions: the vectors of both are scaled to length 1 first."""
    texts: Literal["parallel", "monolingual"] = "parallel"
    """`parallel`: the teacher encodes source sentences, the student learns their translations; `monolingual`: both have
    the target language's sentences, of the training mix and of the parallel corpora, and no translation is needed."""
    vectors: Weight = 1.0
    """Weight of the squared distance between the vectors; 0: they may differ in width."""
    similarities: Weight = 0.0
    """Weight of the mean squared difference between the cosines of each two sentences of a batch."""


@dataclass(frozen=True, config=STRICT)
class SimilarityDistillation:
    """Beside the losses of all examples: the similarities of a frozen teacher between the texts of a batch."""

    weight: Positive
    """Weight of the mean squared difference between the cosines of each two texts of a batch."""
    teacher: Annotated[str, Field(min_length=1)] | None = None
    """As train.distill.teacher, of any width; null: the encoder that training starts from, unchanged."""


@dataclass(frozen=True, config=STRICT)
class Guide:
    """GIST: what a frozen encoder finds nearer than the anchor's own positive is no wrong answer to the anchor."""

    encoder: Annotated[str, Field(min_length=1)] | None = None
    """As train.distill.teacher, of any width; null: the encoder that training starts from, unchanged."""
    margin: Weight = 0.0
    """A candidate is left out from so far below the positive's similarity on."""
    relative: bool = False
    """The margin is a share of the positive's similarity."""
    contrast_anchors: bool = True
    """The other anchors are wrong answers too, where the guide lets them."""
    contrast_positives: bool = True
    """So is the likeness of the anchor's positive to each other positive."""


LossName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


@dataclass(frozen=True, config=STRICT)
class Losses:
    """The loss of each shape of examples: a name, or `package.module.function` for one's own (docs/adding.md)."""

    tuples: LossName
    """Of triplets and tuples: `ranking`, among the texts of the batch."""
    scored: LossName
    """Of scored pairs: `cosent` or `angle`."""
    classed: LossName
    """Of pairs with a class: `softmax`, a linear classifier that is trained beside the encoder and is not exported."""
    texts: LossName
    """Of raw text: `simcse`, each text its own positive under another draw of dropout; or `tsdae`, a decoder that is
    trained beside the encoder restores each text from the vector of 40 % of its words, and is not exported."""


@dataclass(frozen=True, config=STRICT)
class After:
    """Scored pairs that are learnt once the other examples have been, with an optimizer and a schedule of their own."""

    epochs: Count
    """Passes over them."""
    lr: Positive
    """Their peak learning rate."""


Batch = TypeVar("Batch")


@dataclass(frozen=True, config=STRICT)
class Debug:
    """A short run that looks for faults; what comes out is no result."""

    steps: Count
    """Steps of each epoch, at most."""
    overfit: bool
    """Take all `steps` on the first batch; training fails unless its loss falls."""

    def of(self, batches: list[Batch]) -> list[Batch]:
        """What such a run takes of the batches of an epoch."""
        return batches[:1] * self.steps if self.overfit else batches[: self.steps]


@dataclass(frozen=True, config=STRICT)
class Train:
    """The run: loss, batches, optimizer, schedule, selection."""

    batch_size: Annotated[int, Field(ge=2)]
    """Examples a step, all of one shape: triplets, tuples, texts, taught sentences, scored or classed pairs."""
    epochs: Count
    """Passes over the training data; with `soup` of each training, with `after` over what comes first."""
    after: After | None
    """Learn the scored pairs after the other examples; null: the batches of all are mixed."""
    weights: dict[Name, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """How often an epoch has each example of a corpus, on average; one that is not named: once. A corpus of weight 0 is
    not trained on; `model.vocabulary.keep` counts its words."""
    loss: Losses
    """What is learnt from each shape of examples."""
    lr: Positive
    """Peak learning rate of AdamW."""
    warmup: Fraction
    """Share of all steps in which the learning rate climbs, rounded to whole steps."""
    scale: Positive
    """Factor on the cosine before the softmax (1 / temperature): larger values put more weight on the hardest
    negatives."""
    cosent_scale: Positive
    """Factor on the similarities of scored pairs in their loss, CoSENT or AnglE."""
    symmetric: bool
    """Also rank the anchors for each positive, and average the two losses."""
    known_positives: bool
    """Leave known positives of an anchor out of its negatives: a labelled entailment counts in both directions, and so
    do anchor and positive of a tuple."""
    guide: Guide | None
    """Leave out of an anchor's negatives what a frozen encoder takes for a positive; null: nothing is asked."""
    matryoshka: list[Count]
    """Sum the loss over vectors cut to these numbers of dimensions, rising; name the whole to include it; empty: the
    whole alone."""
    weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's decay, on all weights except biases and norms."""
    l2_sp: Weight
    """L2-SP: weight of half the squared distance between the trained weights and those at the start; 0: none."""
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    """The learning rate of a layer as a share of that of the layer above; 1: the same for all."""
    eps: Positive
    """AdamW's epsilon."""
    clip: Annotated[float, Field(ge=0)]
    """Gradients of a larger norm are scaled down to it; 0 turns clipping off."""
    precision: Literal["32-true", "tf32", "bf16-mixed", "16-mixed"]
    """Lightning's precision; tf32 is 32-true with matrix products in TensorFloat-32, where a GPU has it."""
    packed: bool
    """Compute no padding, where the backbone can; false: padded batches, the reference."""
    cached: bool
    """Gradient caching: memory for a chunk a thread at a time, for a second forward pass. The same gradients."""
    compile: bool
    """Compile the backbone with torch.compile."""
    gather: bool
    """With several devices: rank each anchor among the texts of all of them, not of its own alone."""
    lora: Lora | None
    """Train low-rank adapters (needs the extra `lora`) and add them to the weights in the end; null: every weight."""
    embeddings_only: bool
    """Train the word embeddings alone and leave the layers as they are."""
    distill: Distill | None
    """Learn a teacher's vectors or similarities in place of ranking triplets and tuples; null: rank."""
    similarity_distillation: SimilarityDistillation | None
    """Keep a teacher's similarities while the examples are learnt; null: learn them alone."""
    wise_ft: list[Annotated[float, Field(gt=0, lt=1)]]
    """Shares of the trained weights in averages with the start's. They are scored when training ends, and the best may
    be exported."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None
    """Decay of an exponential moving average of the weights. It is scored when training ends, and may be exported.
    null: none."""
    soup: Annotated[int, Field(ge=2, le=100)] | None
    """The number of trainings from one start, each with other batches and dropout. The average of their last weights is
    scored too, and may be exported. null: a single training."""
    score_every: Count | None
    """Also score the development benchmark every this many steps; null: only at the end of each epoch."""
    patience: Count | None
    """Stop after this many scores without a better one; null: never."""
    debug: Debug | None
    """A short run that looks for faults, and whose card says so; null: a whole run."""

    @property
    def is_taught(self) -> bool:
        """Whether the stage `teacher` encodes what is trained on: for a teacher, or for a guide."""
        return any((self.distill, self.similarity_distillation, self.guide))
