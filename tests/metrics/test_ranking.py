"""Ranking against sentence-transformers' evaluator, scikit-learn, a full sort and a loop over resamples."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.util import cos_sim, dot_score
from sklearn.metrics import ndcg_score

from terna.errors import DataError
from terna.metrics import ranking, task
from terna.metrics.ranking import Ranking, by_query, nearest, ranks
from terna.metrics.significance import against


class Stub:
    """What the evaluator asks of a model: fixed vectors, one a text."""

    model_card_data = SimpleNamespace(set_evaluation_metrics=lambda *_: None)
    similarity_fn_name = "cosine"

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return np.stack([self.vectors[text] for text in texts])

    encode_query = encode_document = encode


def sample(seed: int, queries: int = 23, documents: int = 300, most: int = 14) -> tuple[np.ndarray, ...]:
    """Vectors of queries and documents, the relevant pairs, and their gains."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(queries, 8)), rng.normal(size=(documents, 8))
    picked = [np.sort(rng.choice(documents, rng.integers(1, most), replace=False)) for _ in range(queries)]
    query = np.repeat(np.arange(queries), [len(each) for each in picked])
    document = np.concatenate(picked)
    right[document] += 0.4 * left[query]
    return left, right, query, document, rng.integers(1, 4, len(query)).astype(float)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "DOCUMENTS", 7)
    monkeypatch.setattr(ranking, "PAIRS", 5)


@pytest.mark.usefixtures("small_blocks")
def test_the_figures_are_those_of_the_neighbours_evaluator() -> None:
    left, right, query, document, _ = sample(1)
    vectors = {f"q{row}": each for row, each in enumerate(left)} | {f"d{row}": each for row, each in enumerate(right)}
    relevant = {f"q{row}": {f"d{each}" for each in document[query == row]} for row in range(len(left))}
    evaluator = InformationRetrievalEvaluator(
        {name: name for name in vectors if name[0] == "q"},
        {name: name for name in vectors if name[0] == "d"},
        relevant,
        precision_recall_at_k=[10, 100],
        score_functions={"cosine": cos_sim, "dot": dot_score},
    )
    theirs = evaluator(Stub(vectors))  # type: ignore[arg-type]
    outcomes = {}
    for measure in ("cosine", "dot"):
        found = ranks(nearest(left, right, measure), query, document, len(right))
        outcomes[measure] = by_query(found, query, np.ones(len(query)), len(left))
    for name, value in task.figures(Ranking(np.arange(len(left))), outcomes).items():
        assert value == pytest.approx(theirs[name], abs=1e-6), name


def test_graded_relevance_gives_scikit_learns_ndcg() -> None:
    left, right, query, document, gain = sample(2)
    found = ranks(nearest(left, right, "dot"), query, document, len(right))
    ours = by_query(found, query, gain, len(left))[:, 0]
    truth = np.zeros((len(left), len(right)))
    truth[query, document] = gain
    for row in range(len(left)):
        expected = ndcg_score(truth[row : row + 1], left[row : row + 1] @ right.T, k=10)
        assert ours[row] == pytest.approx(expected, abs=1e-12), row


@pytest.mark.usefixtures("small_blocks")
def test_of_equally_similar_documents_the_first_ranks_first() -> None:
    left, right, query, document, _ = sample(3)
    right = np.concatenate([right[:100], right[:100], right[:100]]).astype(np.float32)  # each three times
    scores = np.round(left @ right.T, 12)
    found = ranks(nearest(left, right, "dot"), query, document, len(right))
    order = np.argsort(-scores, axis=1, kind="stable")
    expected = [int(np.flatnonzero(order[one] == other)[0]) + 1 for one, other in zip(query, document, strict=True)]
    assert found.tolist() == expected
    flat = ranks(
        lambda rows, columns: np.zeros((len(rows), columns.stop - columns.start), np.float32), query, document, 300
    )
    assert flat.tolist() == (document + 1).tolist()


def test_the_figures_of_a_query_by_hand() -> None:
    found = by_query(np.array([2, 11, 101, 12]), np.array([0, 0, 0, 1]), np.ones(4), 2)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    np.testing.assert_allclose(found[0], [1 / np.log2(3) / ideal, 1 / 2, 1 / 3, 2 / 3])
    np.testing.assert_allclose(found[1], [0, 0, 0, 1])


def test_the_search_holds_no_more_than_its_blocks() -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(rows, 16)).astype(np.float32) for rows in (3000, 60_000))
    query, document = np.arange(3000), rng.integers(0, 60_000, 3000)
    tracemalloc.start()
    ranks(nearest(left[:2000], right, "cosine"), query[:2000], document[:2000], len(right))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20  # all similarities would be 458 MiB in float32


def test_intervals_are_those_of_a_loop_over_resamples_of_equal_queries() -> None:
    outcome = np.random.default_rng(1).uniform(size=(20, 4))
    texts = ["¿Qué?", "¿qué?  ", *map(str, range(18))]
    found = task.intervals(Ranking.of(texts), {"x": outcome}, seed=3, resamples=200)
    drawn = np.random.default_rng(3).multinomial(19, np.full(19, 1 / 19), size=200)
    cluster = np.array([0, 0, *range(1, 19)])
    means = np.array([outcome[np.repeat(np.arange(20), counts[cluster])].mean(axis=0) for counts in drawn])
    for place, kind in enumerate(Ranking.kinds):
        expected = np.quantile(means[:, place], [0.025, 0.975]).tolist()
        assert found[f"x_{kind}"] == pytest.approx(expected, abs=1e-12), kind


def test_a_paired_comparison_is_of_the_same_queries() -> None:
    outcome = np.random.default_rng(2).uniform(size=(80, 4))
    [found] = against("a", {"a": outcome + 0.01, "b": outcome}, Ranking(np.arange(80)), "mrr@10", seed=1, resamples=200)
    # each query is better by as much: no resample says otherwise
    assert (found.difference, found.low, found.high) == pytest.approx((0.01, 0.01, 0.01))


def test_a_model_that_diverged_does_not_rank_first() -> None:
    left, right, query, document, _ = sample(5)
    right[4] = np.nan
    with pytest.raises(DataError, match="not finite"):
        ranks(nearest(left, right, "cosine"), query, document, len(right))
    with pytest.raises(DataError, match=r"x: figures of shape \(3, 4\) for 2 queries"):
        task.figures(Ranking(np.arange(2)), {"x": np.zeros((3, 4))})
