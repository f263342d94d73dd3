"""The declaration of a benchmark: a corpus, and what is asked of an encoder on it."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from terna.settings.declaration import STRICT, Corpus, File, HubDataset

Task = Literal["sts", "binary", "ranking"]

# what metrics/sts.json has beside the figures of benchmarks
NOT_BENCHMARKS = ("baselines", "untouched", "systems", "comparisons")

Correlation = Literal[
    "cosine_pearson",
    "cosine_spearman",
    "euclidean_pearson",
    "euclidean_spearman",
    "manhattan_pearson",
    "manhattan_spearman",
    "dot_pearson",
    "dot_spearman",
]
Classified = Literal[
    "cosine_ap",
    "cosine_accuracy",
    "cosine_f1",
    "euclidean_ap",
    "euclidean_accuracy",
    "euclidean_f1",
    "manhattan_ap",
    "manhattan_accuracy",
    "manhattan_f1",
    "dot_ap",
    "dot_accuracy",
    "dot_f1",
]
Ranked = Literal[
    "cosine_ndcg@10",
    "cosine_mrr@10",
    "cosine_recall@10",
    "cosine_recall@100",
    "dot_ndcg@10",
    "dot_mrr@10",
    "dot_recall@10",
    "dot_recall@100",
]
Figure = Literal[Correlation, Classified, Ranked]

# the kinds of figure of each task, the first of which stands for a benchmark where the main score is another task's
KINDS: dict[Task, tuple[str, ...]] = {
    "sts": ("pearson", "spearman"),
    "binary": ("ap", "accuracy", "f1"),
    "ranking": ("ndcg@10", "mrr@10", "recall@10", "recall@100"),
}
# the similarities that each task is figured under
MEASURES: dict[Task, tuple[str, ...]] = {
    "sts": ("cosine", "euclidean", "manhattan", "dot"),
    "binary": ("cosine", "euclidean", "manhattan", "dot"),
    "ranking": ("cosine", "dot"),
}
# kinds that need a threshold, which development data choose
DECIDED = ("accuracy", "f1")
# what each task counts
UNITS: dict[Task, str] = {"sts": "pairs", "binary": "pairs", "ranking": "queries"}
# the task of each shape
TASKS: dict[str, Task] = {
    "scored": "sts",
    "classed": "binary",
    "ranking": "ranking",
    "pairs": "ranking",
    "texts": "ranking",
}
# of shape `ranking`: the fields of its documents, its queries, and which are relevant; of one file the last alone
RANKED = (("id", "title", "text"), ("id", "text"), ("query", "document", "score"))


@dataclass(frozen=True, config=STRICT)
class Split:
    """How one file is split into development and test data. No sentence is in both."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Fraction of the pairs, or queries, for development, as nearly as whole clusters allow."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed that shuffles the clusters. The run's own seed does not change them, so that several seeds are scored on the
    same pairs."""


@dataclass(frozen=True, config=STRICT)
class Benchmark(Corpus):
    """A benchmark: a corpus on which encoders are scored."""

    format: Literal["semeval_sts", "columns"]
    """Format of the files: SemEval's layout, or `columns` as for any corpus."""
    shape: Literal["scored", "classed", "ranking", "pairs", "texts"] | None = None  # type: ignore[assignment]
    """For `columns`: the content of a row, its fields, and the task of the encoder. `scored`, to agree with human
    scores: sentence1, sentence2, score. `classed`, to separate pairs of class 1 from pairs of class 0: sentence1,
    sentence2, class. `ranking`, to find the documents that are relevant to a query: query, document and, if not
    every row is relevant, score; or three files: documents (id, title, text), queries (id, text), and query, document
    and score with these ids. `pairs` (anchor, positive) and `texts` (text), to find the positive of each held-out
    pair: a row, or one of the `pairs` that are found in a text."""
    labels: dict[str, Literal[0, 1]] = Field(default_factory=dict)  # type: ignore[assignment]
    """For shape `classed`: the class of each value, 1 for the same meaning, 0 for different meanings. Empty: 1, true,
    yes and sí are 1; 0, false and no are 0."""
    held_out: Annotated[float, Field(gt=0, le=1)] = 0.1
    """For shapes `pairs` and `texts`: the fraction of the pairs that is held out. If you train on the same files,
    triplets.drop_overlap drops these pairs from training."""
    split: Split | None = None
    """The split of its files between this benchmark and another one, one for development and one for test; null: all of
    the files are for this benchmark."""

    shapes: ClassVar[tuple[str, ...]] = tuple(TASKS)
    labelled: ClassVar[str] = "classed"

    @property
    def task(self) -> Task:
        """What is asked of an encoder."""
        return TASKS[self.shape or "scored"]

    @property
    def fields(self) -> list[tuple[str, ...]]:
        """What its columns are, for each file of a ranking of several, else once."""
        if self.shape != "ranking":
            return super().fields
        return [*RANKED] if len(self.files) == len(RANKED) else [RANKED[-1]]

    @property
    def optional(self) -> tuple[str, ...]:
        """Of `fields`: a document's title, and how relevant one is, which it then is."""
        return ("title", "score") if self.shape == "ranking" else ()

    @property
    def is_held_out(self) -> bool:
        """Whether its pairs are held out of what is trained on."""
        return self.shape in ("pairs", "texts")

    @property
    def origin(self) -> tuple[list[File], HubDataset | None]:
        """What it is read from."""
        return self.files, self.dataset

    @property
    def reading(self) -> dict[str, Any]:
        """What of its declaration says how files of format `columns` are read, for the record of the files."""
        read = {
            "shape": self.shape,
            "columns": self.columns,
            "labels": self.labels,
            "scale": self.scale,
            "split": self.split and asdict(self.split),
            **({"pairs": self.pairs, "held_out": self.held_out} if self.is_held_out else {}),
        }
        return {"read": read} if self.format == "columns" else {}

    @property
    def figures(self) -> list[str]:
        """The names of its figures."""
        return [f"{measure}_{kind}" for measure in MEASURES[self.task] for kind in KINDS[self.task]]
