"""What each task asks of an encoder: the texts to encode, and how their vectors become outcomes and figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from terna.arrays import Floats, Ints, Vectors
from terna.data.corpora.benchmark import read_benchmark
from terna.data.corpora.search import Search
from terna.metrics import ranking
from terna.metrics.classification import Classification, best_thresholds, decided
from terna.metrics.correlations import Correlation, clusters, tied
from terna.metrics.ranking import Ranking, Scorer
from terna.metrics.similarity import pairwise
from terna.metrics.task import Task
from terna.records import sentences_of
from terna.sentences import Prompts, Side
from terna.settings import Evaluate
from terna.settings.benchmark import MEASURES

# by measure: what a system makes of each unit
Outcomes = Mapping[str, Floats]


class Evaluator(Protocol):
    """A benchmark and its task."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    @property
    def metric(self) -> Task:
        """How figures follow from outcomes."""
        ...

    @property
    def texts(self) -> list[str]:
        """What is encoded."""
        ...

    @property
    def sides(self) -> list[tuple[Side, list[str]]]:
        """The texts in their order, by what they are to a prompt."""
        ...

    @property
    def units(self) -> pa.Table:
        """A row a unit, pair or query, as predictions/ begins."""
        ...

    @property
    def files(self) -> list[str]:
        """The file of each unit; empty where the files do not part them."""
        ...

    def measures(self, main: str) -> Sequence[str]:
        """The similarities to score under while training, where `main` counts."""
        ...

    def outcomes(self, vectors: Vectors, measures: Sequence[str] = ...) -> Outcomes:
        """What vectors of the texts make of each unit, before anything is decided."""
        ...

    def concluded(self, every: Mapping[str, Outcomes]) -> Outcomes:
        """The outcomes by which figures are taken, from those of one system on all benchmarks."""
        ...

    def columns(self, name: str, outcome: Floats) -> dict[str, Floats]:
        """An outcome as columns of predictions/, (n,) each."""
        ...

    def account(self, outcomes: Outcomes) -> dict[str, Any]:
        """What metrics/sts.json tells beside the figures."""
        ...


@dataclass(frozen=True)
class Pairs:
    """Pairs of sentences: a benchmark's name and its SCORED table."""

    name: str
    units: pa.Table

    @cached_property
    def sentences(self) -> tuple[list[str], list[str]]:
        """Both columns."""
        return sentences_of(self.units)

    @property
    def texts(self) -> list[str]:
        """All first sentences, then all second ones."""
        first, second = self.sentences
        return [*first, *second]

    @property
    def sides(self) -> list[tuple[Side, list[str]]]:
        """Both sentences of a pair have the same prompt, the default one."""
        return [("default", self.texts)]

    @cached_property
    def gold(self) -> Floats:
        """What people gave, (n,)."""
        gold: Floats = self.units["gold"].to_numpy()
        return gold

    @cached_property
    def clusters(self) -> Ints:
        """Equal pairs share their number, (n,)."""
        return clusters(*self.sentences)

    @property
    def files(self) -> list[str]:
        """The file of each pair."""
        files: list[str] = self.units["file"].to_pylist()
        return files

    def measures(self, main: str) -> Sequence[str]:
        """All: they cost nothing."""
        return MEASURES["sts"]

    def outcomes(self, vectors: Vectors, measures: Sequence[str] = MEASURES["sts"]) -> Outcomes:
        """The similarity of each pair, (n,)."""
        return {name: values for name, values in pairwise(*np.split(vectors, 2)).items() if name in measures}

    def columns(self, name: str, outcome: Floats) -> dict[str, Floats]:
        """The similarity."""
        return {name: outcome.reshape(len(self.gold), -1)[:, 0]}


@dataclass(frozen=True)
class Similarity(Pairs):
    """Scored pairs, whose scores the similarities are to agree with."""

    @cached_property
    def metric(self) -> Correlation:
        """Pearson and Spearman."""
        return Correlation(self.gold, self.clusters)

    def concluded(self, every: Mapping[str, Outcomes]) -> Outcomes:
        """The similarities as they are."""
        return every[self.name]

    def account(self, outcomes: Outcomes) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True)
class Binary(Pairs):
    """Labelled pairs: those labelled 1 are to be more similar. development: whose pairs choose the thresholds."""

    development: "Binary | None" = None

    @cached_property
    def metric(self) -> Classification:
        """Average precision, accuracy and F1."""
        return Classification(self.gold, self.clusters)

    def concluded(self, every: Mapping[str, Outcomes]) -> Outcomes:
        """The similarities beside the thresholds that are best on the development pairs, (n, 3).

        The thresholds are NaN where the outcomes on these pairs are not among `every`.
        """
        chosen = self.development
        theirs = every.get(chosen.name) if chosen else None
        return {
            name: decided(values, best_thresholds(tied(theirs[name]), chosen.gold) if chosen and theirs else None)
            for name, values in every[self.name].items()
        }

    def account(self, outcomes: Outcomes) -> dict[str, Any]:
        """How many pairs are labelled 1; the thresholds, and which benchmark chose them."""
        kinds = self.metric.kinds[1:]
        chosen = {
            f"{name}_{kind}": float(threshold)
            for name, values in (outcomes if self.development else {}).items()
            for kind, threshold in zip(kinds, values[0, 1:], strict=True)
        }
        decided_on = self.development.name if self.development else None
        return {"positive": int(self.gold.sum()), "thresholds": chosen, "decided_on": decided_on}


@dataclass(frozen=True)
class Retrieval:
    """Queries that are to find their relevant documents."""

    name: str
    search: Search

    @property
    def files(self) -> list[str]:
        """None."""
        return []

    @property
    def texts(self) -> list[str]:
        """All queries, then all documents."""
        return [*self.search.queries, *self.search.documents]

    @property
    def sides(self) -> list[tuple[Side, list[str]]]:
        """Queries and documents."""
        return [("query", self.search.queries), ("document", self.search.documents)]

    @property
    def units(self) -> pa.Table:
        """Each query, and how many documents are relevant to it."""
        relevant = np.bincount(self.search.query, minlength=len(self.search.queries))
        return pa.table({"query": self.search.queries, "relevant": relevant})

    @cached_property
    def metric(self) -> Ranking:
        """nDCG@10, MRR@10 and recall."""
        return Ranking.of(self.search.queries)

    def measures(self, main: str) -> Sequence[str]:
        """One search through all documents is enough."""
        return [main]

    def outcomes(self, vectors: Vectors, measures: Sequence[str] = MEASURES["ranking"]) -> Outcomes:
        """The figures of each query, (q, 4), in an exact search through all documents."""
        queries, documents = np.split(vectors, [len(self.search.queries)])
        return {name: self.ranked(ranking.nearest(queries, documents, name)) for name in measures}

    def ranked(self, score: Scorer) -> Floats:
        """The figures of each query under any similarity."""
        found = self.search
        ranks = ranking.ranks(score, found.query, found.document, len(found.documents))
        return ranking.by_query(ranks, found.query, found.gain, len(found.queries))

    def concluded(self, every: Mapping[str, Outcomes]) -> Outcomes:
        """The figures as they are."""
        return every[self.name]

    def columns(self, name: str, outcome: Floats) -> dict[str, Floats]:
        """A column a figure."""
        return {f"{name}_{kind}": outcome[:, place] for place, kind in enumerate(self.metric.kinds)}

    def account(self, outcomes: Outcomes) -> dict[str, Any]:
        """How many documents are searched, and how many queries were left out for having no relevant one."""
        return {"documents": len(self.search.documents), "queries_left_out": self.search.left_out}


def encoded(encode: Callable[..., Vectors], prompts: Prompts, evaluator: Evaluator) -> Vectors:
    """The vectors of a benchmark's texts by a system's `encode`, each with the prompt of what it is."""
    return np.concatenate([encode(texts, prompt=prompts.before(side)) for side, texts in evaluator.sides])


def used_prompts(prompts: Prompts, evaluator: Evaluator) -> dict[str, str]:
    """The prompts that `encoded` puts before texts, by what these are; those that are empty are left out."""
    return {side: prompt for side, _ in evaluator.sides if (prompt := prompts.before(side))}


def read_evaluators(evaluate: Evaluate, raw: Path) -> dict[str, Evaluator]:
    """Every benchmark, ready to be scored. Raises DataError as `read_benchmark` does."""
    return {name: read_evaluator(name, evaluate, raw) for name in evaluate.benchmarks}


def read_evaluator(name: str, evaluate: Evaluate, raw: Path) -> Evaluator:
    """A benchmark whose files lie in raw/<name>, ready to be scored. Raises DataError as `read_benchmark` does."""
    found = read_benchmark(name, evaluate, raw)
    if isinstance(found, Search):
        return Retrieval(name, found)
    if evaluate.benchmarks[name].task == "sts":
        return Similarity(name, found)
    chosen = decided_on(name, evaluate)
    if chosen is None:
        return Binary(name, found)
    # the development pairs decide on themselves too
    development = Binary(chosen, found if chosen == name else read_benchmark(chosen, evaluate, raw))
    return Binary(name, found, development)


def decided_on(benchmark: str, evaluate: Evaluate) -> str | None:
    """The development benchmark of binary labels that chooses the thresholds of `benchmark`; None without one."""
    binary = [name for name, one in evaluate.benchmarks.items() if (one.task, one.role) == ("binary", "development")]
    nearest = [name for name in (benchmark, evaluate.partner_of(benchmark), evaluate.select_on) if name in binary]
    return next(iter([*nearest, *binary]), None)
