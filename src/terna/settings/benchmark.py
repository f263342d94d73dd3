"""The declaration of a benchmark: a corpus, and what is asked of an encoder on it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from terna.settings.declaration import STRICT, Corpus, File

Task = Literal["sts", "binary", "ranking"]

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
# what the columns of each task are called where a declaration does not say, the first that is there
COLUMNS: dict[Task, dict[str, tuple[str, ...]]] = {
    "sts": {"sentence1": ("sentence1",), "sentence2": ("sentence2",), "score": ("score",)},
    "binary": {"sentence1": ("sentence1",), "sentence2": ("sentence2",), "label": ("label",)},
    "ranking": {
        "id": ("_id", "id"),
        "title": ("title",),
        "text": ("text",),
        "query": ("query-id", "query"),
        "document": ("corpus-id", "document"),
        "score": ("score",),
    },
}


@dataclass(frozen=True, config=STRICT)
class Split:
    """How one file becomes development and test data: no sentence is on both sides."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The share of pairs, or queries, that are for development, as nearly as whole clusters allow."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Shuffles the clusters; apart from the run's seed, so that several seeds are scored on the same pairs."""


def _from_path(value: object) -> object:
    """A path alone stands for a file whose digest nobody published."""
    return {"addresses": [value], "sha256": []} if isinstance(value, str) else value


if TYPE_CHECKING:
    Declared = File
else:
    Declared = Annotated[File, BeforeValidator(_from_path)]


@dataclass(frozen=True, config=STRICT)
class Benchmark(Corpus):
    """A corpus that encoders are scored on."""

    format: Literal["semeval_sts", "scored_csv", "columns"]  # type: ignore[assignment]
    """Which parser reads it: SemEval's layout, CSV without a header, or `columns`, a table in CSV, TSV, JSON lines or
    Parquet."""
    files: Annotated[list[Declared], Field(min_length=1)]
    """Its files, in order; a path alone is enough. A ranking needs three, documents, queries and which are relevant, or
    one of query, document and score."""
    task: Task = "sts"
    """What is asked: `sts`, to agree with people's scores; `binary`, to tell pairs labelled 1 from those labelled 0;
    `ranking`, to find the documents that are relevant to a query."""
    columns: dict[str, str | int] | None = None
    """Of format `columns`: what each column is called, or its place from 1 where the table has no header; null: by
    the names of COLUMNS."""
    split: Split | None = None
    """How this benchmark shares its files with another, one of them for development and one for test; null: all of
    them are its own."""

    @property
    def scored(self) -> bool:
        """Whether it holds scored pairs."""
        return self.task == "sts"

    @property
    def reading(self) -> dict[str, Any]:
        """What of its declaration says how files of format `columns` are read, for the record of the files."""
        read = {
            "task": self.task,
            "columns": self.columns,
            "scale": self.scale,
            "split": self.split and asdict(self.split),
        }
        return {"read": read} if self.format == "columns" else {}

    @property
    def figures(self) -> list[str]:
        """The names of its figures."""
        return [f"{measure}_{kind}" for measure in MEASURES[self.task] for kind in KINDS[self.task]]
