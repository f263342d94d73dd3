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
    """Attention heads per layer."""
    intermediate_size: Count
    """Width of the feed-forward layer."""


@dataclass(frozen=True, config=STRICT)
class Dense:
    """A Dense head on the pooled vector."""

    out_features: Count
    """Width of the sentence vector."""
    activation: Literal["tanh", "identity"]
    """Activation after the linear map."""


@dataclass(frozen=True, config=STRICT)
class Words:
    """Words of the target language that become tokens. Their vectors start from those of their translations."""

    min_count: Annotated[float, Field(gt=0)]
    """A word is added if its expected number of alignments with its translations is at least this."""
    own_pieces: Annotated[float, Field(ge=0)]
    """Weight, in alignments, of the word's former pieces in its first vector."""
    sentences: Count
    """The alignment reads at most this many sentence pairs, the first ones."""


@dataclass(frozen=True, config=STRICT)
class Keep:
    """The entries that are kept when a vocabulary is cut; characters and special tokens are always kept."""

    min_count: Annotated[int, Field(ge=0)]
    """An entry is kept if it occurs at least this often in the distinct sentences; 0: up to `size`, by frequency."""
    size: Count | None
    """Maximum number of entries, including those that are always kept. The most frequent are kept; of equally frequent
    ones, those with lower ids, which most tokenizers give to more frequent entries. null: all that occur often
    enough."""


@dataclass(frozen=True, config=STRICT)
class Vocabulary:
    """Changes to the vocabulary of the start: first words are added, then entries are removed."""

    words: Words | None
    """Words learnt from the parallel corpora, for a backbone with a WordPiece tokenizer; null: none."""
    keep: Keep | None
    """The entries that are kept, in a vocabulary of WordPieces, BPE or Unigram pieces; null: all."""


@dataclass(frozen=True, config=STRICT)
class Prompts:
    """Prompts that are put before texts, by the role of the text. sentence-transformers uses the same names."""

    query: str
    """Prompt of queries and anchors, such as `query: ` with its trailing space; empty: none."""
    document: str
    """Prompt of documents, positives and negatives; empty: none."""
    default: Literal["query", "document"] | None = None
    """Which of the two is put before all other texts, such as both sentences of a scored pair; null: none."""
    corpora: dict[Name, Literal["query", "document", "by_column"]] = Field(default_factory=dict)
    """Prompts of corpora that need others than the above, by name. `query` or `document`: this prompt before all texts,
    for a symmetric task. `by_column`: `query` before the first column and `document` before the others."""


@dataclass(frozen=True, config=STRICT)
class Model:
    """The encoder before training: backbone, pooling and head, or an existing encoder to start from."""

    backbone: Annotated[str, Field(min_length=1)]
    """`scratch`, a hub name, a local folder, or `pkg:module/path` for a folder in an installed package."""
    max_length: Count
    """Maximum number of tokens, special tokens included. Longer sentences are truncated."""
    pooling: Literal["mean", "cls", "max"] | None
    """How token vectors become one vector; null: `backbone` names an encoder, and its pooling, head and prompt are
    used."""
    revision: str | None
    """Revision of a hub name; give a commit to pin it."""
    scratch: Scratch | None
    """The shape of the backbone if `backbone` is `scratch`."""
    dense: Dense | None
    """A Dense head; null: none, or the encoder's own if `pooling` is null."""
    vocabulary: Vocabulary
    """Words that are added to the vocabulary, and entries that are removed from it."""
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None
    """The transformer layers that are kept, in ascending order, counted from 0; null: all."""
    prompts: Prompts | None = None
    """Prompts for training, which are saved with the encoder; null: the start's default prompt before every text."""
    sha256: Sha256 | None = None
    """sha256 of the file model.safetensors in a folder or an installed package; null: not checked."""


@dataclass(frozen=True, config=STRICT)
class Lora:
    """Train low-rank adapters instead of all weights of the backbone."""

    rank: Count
    """Width of an adapter."""
    alpha: Positive
    """The output of an adapter is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Dropout on the input of an adapter."""


@dataclass(frozen=True, config=STRICT)
class Distill:
    """Distillation: a student learns a teacher's vectors or similarities instead of ranking triplets."""

    teacher: Annotated[str, Field(min_length=1)] | None
    """The teacher: a folder, `name@revision` on the hub or `pkg:module/path`; null: the encoder that training starts
    from, unchanged."""
    sources: bool
    """The student also learns the source sentences, so that it keeps the teacher's vectors of the source language."""
    unit: bool
    """Scale the vectors of teacher and student to length 1 before they are compared."""
    texts: Literal["parallel", "monolingual"] = "parallel"
    """`parallel`: the teacher encodes source sentences, and the student learns their translations. `monolingual`: both
    encode the target language's sentences, from the training mix and the parallel corpora; no translation is needed."""
    vectors: Weight = 1.0
    """Weight of the squared distance between the vectors; if 0, their widths may differ."""
    similarities: Weight = 0.0
    """Weight of the mean squared difference between the cosines of all two sentences of a batch."""


@dataclass(frozen=True, config=STRICT)
class SimilarityDistillation:
    """An additional loss: the student keeps the similarities of a frozen teacher between the texts of a batch."""

    weight: Positive
    """Weight of the mean squared difference between the cosines of all two texts of a batch."""
    teacher: Annotated[str, Field(min_length=1)] | None = None
    """The teacher, given as in train.distill.teacher, with vectors of any width; null: the encoder that training starts
    from, unchanged."""


@dataclass(frozen=True, config=STRICT)
class Guide:
    """GIST: texts that a frozen encoder finds more similar to an anchor than its positive are not its negatives."""

    encoder: Annotated[str, Field(min_length=1)] | None = None
    """The guide, given as in train.distill.teacher, with vectors of any width; null: the encoder that training starts
    from, unchanged."""
    margin: Weight = 0.0
    """A candidate is excluded if its similarity is above the positive's similarity minus this margin."""
    relative: bool = False
    """The margin is a fraction of the positive's similarity."""
    contrast_anchors: bool = True
    """Also use the other anchors as negatives, unless the guide excludes them."""
    contrast_positives: bool = True
    """Also use the similarities of the anchor's positive to the other positives as negatives."""


LossName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]


@dataclass(frozen=True, config=STRICT)
class Losses:
    """The loss of each shape of examples: a name, or `package.module.function` for your own (docs/adding.md)."""

    tuples: LossName
    """Loss of triplets and tuples: `ranking` of the positive among the texts of the batch."""
    scored: LossName
    """Loss of scored pairs: `cosent` or `angle`."""
    classed: LossName
    """Loss of pairs with a class: `softmax`, with a linear classifier that is not exported."""
    texts: LossName
    """Loss of raw text. `simcse`: each text is its own positive, under another draw of dropout. `tsdae`: a decoder
    restores each text from the vector of 40 % of its words; the decoder is not exported."""


@dataclass(frozen=True, config=STRICT)
class After:
    """Training on the scored pairs after the other examples, with an optimizer and a schedule of its own."""

    epochs: Count
    """Passes over the scored pairs."""
    lr: Positive
    """Peak learning rate of this part."""


Batch = TypeVar("Batch")


@dataclass(frozen=True, config=STRICT)
class Debug:
    """A short run that looks for faults. Its scores are not results."""

    steps: Count
    """Maximum number of steps per epoch."""
    overfit: bool
    """Train all `steps` on the first batch; training fails unless its loss falls."""

    def of(self, batches: list[Batch]) -> list[Batch]:
        """The batches of an epoch that such a run trains on."""
        return batches[:1] * self.steps if self.overfit else batches[: self.steps]


@dataclass(frozen=True, config=STRICT)
class Train:
    """Training: loss, batches, optimizer, schedule and selection of the checkpoint."""

    batch_size: Annotated[int, Field(ge=2)]
    """Examples per step, all of one shape: triplets, tuples, texts, taught sentences, scored or classed pairs."""
    epochs: Count
    """Passes over the training data: in each training of a `soup`; with `after`, over all except the scored pairs."""
    after: After | None
    """Train on the scored pairs after the other examples; null: their batches are mixed with the others."""
    weights: dict[Name, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """How often each example of a corpus occurs in an epoch, on average; a corpus that is not listed: once. A corpus of
    weight 0 is not trained on, but `model.vocabulary.keep` counts its words."""
    loss: Losses
    """The loss of each shape of examples."""
    lr: Positive
    """Peak learning rate of AdamW."""
    warmup: Fraction
    """Fraction of all steps in which the learning rate rises linearly, rounded to whole steps."""
    scale: Positive
    """Factor on the cosine before the softmax (1 / temperature): larger values put more weight on the hardest
    negatives."""
    cosent_scale: Positive
    """Factor on the similarities of scored pairs in their loss, CoSENT or AnglE."""
    symmetric: bool
    """Also rank the anchors for each positive, and average the two losses."""
    known_positives: bool
    """Exclude known positives of an anchor from its negatives. A labelled entailment counts in both directions, and so
    do anchor and positive of a tuple."""
    guide: Guide | None
    """Exclude texts that a frozen encoder takes for a positive from an anchor's negatives; null: no guide."""
    matryoshka: list[Count]
    """Sum the loss over vectors truncated to these numbers of dimensions, in ascending order. Include the full
    dimension to train it too. Empty: only the full vector."""
    weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's decay, on all weights except biases and norms."""
    l2_sp: Weight
    """L2-SP: weight of half the squared distance between the trained weights and those at the start; 0: none."""
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    """The learning rate of a layer as a fraction of that of the layer above; 1: the same for all."""
    eps: Positive
    """AdamW's epsilon."""
    clip: Annotated[float, Field(ge=0)]
    """Gradients with a larger norm are scaled down to it; 0 turns clipping off."""
    precision: Literal["32-true", "tf32", "bf16-mixed", "16-mixed"]
    """Lightning's precision; tf32 is 32-true with matrix products in TensorFloat-32, if the GPU has it."""
    packed: bool
    """Compute no padding if the backbone supports it; false: padded batches, the reference."""
    cached: bool
    """Gradient caching: less memory, one chunk per thread at a time, but a second forward pass. The gradients are the
    same."""
    compile: bool
    """Compile the backbone with torch.compile."""
    gather: bool
    """With several devices: rank each anchor among the texts of all devices, not only of its own."""
    lora: Lora | None
    """Train low-rank adapters (needs the extra `lora`) and add them to the weights at the end; null: train all
    weights."""
    embeddings_only: bool
    """Train only the word embeddings; the layers stay unchanged."""
    distill: Distill | None
    """Learn a teacher's vectors or similarities instead of ranking triplets and tuples; null: rank."""
    similarity_distillation: SimilarityDistillation | None
    """Add a loss that keeps a teacher's similarities; null: none."""
    wise_ft: list[Annotated[float, Field(gt=0, lt=1)]]
    """Fractions of the trained weights in averages with the start's weights. These are scored when training ends, and
    the best may be exported."""
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
    """A short run that looks for faults, which the model card states; null: a full run."""

    @property
    def is_taught(self) -> bool:
        """Whether the stage `teacher` encodes the training sentences, for a teacher or a guide."""
        return any((self.distill, self.similarity_distillation, self.guide))
