"""Binary labels against scikit-learn, sentence-transformers' evaluator, brute force and a loop over resamples."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from sentence_transformers.sentence_transformer.evaluation import BinaryClassificationEvaluator
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

from terna.errors import DataError
from terna.metrics import task
from terna.metrics.classification import Classification, Thresholds, average_precision, best_thresholds, decided
from terna.metrics.significance import against
from terna.metrics.similarity import SIMILARITIES, pairwise


class Stub:
    """What the evaluator asks of a model: fixed vectors, one a text."""

    model_card_data = SimpleNamespace(set_evaluation_metrics=lambda *_: None)

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return np.stack([self.vectors[text] for text in texts])


def sample(seed: int, pairs: int, decimals: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.uniform(size=pairs) < 0.4).astype(float)
    return (labels + rng.normal(size=pairs)).round(decimals), labels


def everyone(labels: np.ndarray) -> Classification:
    return Classification(labels, np.arange(len(labels)))


def test_the_figures_of_all_similarities_are_those_of_the_neighbours_evaluator() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(90) % 3 == 0
    left = rng.normal(size=(90, 16))
    right = left * labels[:, None] * 0.5 + rng.normal(size=(90, 16))
    names = [[f"{side}{row}" for row in range(90)] for side in "lr"]
    vectors = {
        name: row
        for names, rows in zip(names, (left, right), strict=True)
        for name, row in zip(names, rows, strict=True)
    }
    functions = ["cosine", "euclidean", "manhattan", "dot"]
    evaluator = BinaryClassificationEvaluator(*names, labels.astype(int).tolist(), similarity_fn_names=functions)
    theirs = evaluator(Stub(vectors))  # type: ignore[arg-type]
    scores, gold = pairwise(left, right), labels.astype(float)
    outcomes = {name: decided(values, best_thresholds(values, gold)) for name, values in scores.items()}
    ours = task.figures(everyone(gold), outcomes)
    assert {f"{name}_{kind}" for name in SIMILARITIES for kind in ("ap", "accuracy", "f1")} == set(ours)
    for name, value in ours.items():
        assert value == pytest.approx(theirs[name], abs=1e-6), name


@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_average_precision_is_scikit_learns_with_and_without_ties(decimals: int) -> None:
    scores, labels = sample(3, 200, decimals)
    found = task.figures(everyone(labels), {"x": decided(scores, None)})
    assert found["x_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert (found["x_accuracy"], found["x_f1"]) == (None, None)


@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_best(seed: int, decimals: int) -> None:
    scores, labels = sample(seed, 40, decimals)
    tried = [*scores, scores.max() + 1]
    best = best_thresholds(scores, labels)
    accuracies = [accuracy_score(labels, scores >= each) for each in tried]
    harmonic = [f1_score(labels, scores >= each, zero_division=0) for each in tried]
    found = task.figures(everyone(labels), {"x": decided(scores, best)})
    assert found["x_accuracy"] == pytest.approx(max(accuracies), abs=1e-12)
    assert found["x_f1"] == pytest.approx(max(harmonic), abs=1e-12)
    # the highest threshold of equally good ones: fewest pairs count as 1
    fewest = min(
        int((scores >= each).sum())
        for each, one in zip(tried, accuracies, strict=True)
        if one >= max(accuracies) - 1e-12
    )
    assert int((scores >= best.accuracy).sum()) == fewest


@pytest.mark.parametrize(("labels", "reached"), [([1.0, 1.0, 1.0], 3), ([0.0, 0.0, 0.0], 0)])
def test_pairs_of_one_label_are_all_on_one_side_of_the_threshold(labels: list[float], reached: int) -> None:
    scores = np.array([0.3, 0.1, 0.2])
    assert (scores >= best_thresholds(scores, np.array(labels)).accuracy).sum() == reached


def test_neighbouring_numbers_are_parted() -> None:
    scores = np.array([1.0, np.nextafter(1.0, 2.0)])
    threshold = best_thresholds(scores, np.array([0.0, 1.0])).accuracy
    assert (scores >= threshold).tolist() == [False, True]


def test_the_threshold_of_other_pairs_decides() -> None:
    scores, labels = sample(8, 60)
    found = task.figures(everyone(labels), {"x": decided(scores, Thresholds(0.9, -5.0))})
    assert found["x_accuracy"] == pytest.approx(accuracy_score(labels, scores >= 0.9))
    assert found["x_f1"] == pytest.approx(f1_score(labels, np.ones(60)))


@pytest.mark.parametrize("decimals", [0, 12])
def test_intervals_are_those_of_a_loop_over_resamples_of_clusters(decimals: int) -> None:
    scores, labels = sample(5, 30, decimals)
    cluster = np.array([0, 0, 1, 2, 2, 2, *range(3, 27)])
    outcome, number, resamples = decided(scores, Thresholds(0.5, 0.2)), 27, 120
    found = task.intervals(Classification(labels, cluster), {"x": outcome}, seed=4, resamples=resamples)
    drawn = np.random.default_rng(4).multinomial(number, np.full(number, 1 / number), size=resamples)
    rows = [np.repeat(np.arange(30), counts[cluster]) for counts in drawn]
    by_hand = {
        "x_ap": [average_precision_score(labels[row], scores[row]) for row in rows],
        "x_accuracy": [accuracy_score(labels[row], scores[row] >= 0.5) for row in rows],
        "x_f1": [f1_score(labels[row], scores[row] >= 0.2) for row in rows],
    }
    for name, values in by_hand.items():
        assert found[name] == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist(), abs=1e-12), name


def test_a_better_system_is_told_from_a_worse_one_and_not_from_itself() -> None:
    scores, labels = sample(6, 150)
    noise = np.random.default_rng(1).normal(size=150)
    outcomes = {name: decided(values, None) for name, values in (("a", scores), ("b", noise), ("c", scores))}
    worse, same = against("a", outcomes, everyone(labels), "ap", seed=1, resamples=300)
    assert worse.low is not None and worse.low > 0
    expected = average_precision_score(labels, scores) - average_precision_score(labels, noise)
    assert worse.difference == pytest.approx(expected)
    assert (same.difference, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
    assert worse.williams is None


def test_scores_that_differ_by_rounding_alone_rank_nothing() -> None:
    _, labels = sample(7, 50)
    noise = 1 + np.random.default_rng(2).uniform(-1, 1, 50) * 1e-15
    found = task.figures(everyone(labels), {"x": decided(noise, Thresholds(0.9, 1.1))})
    assert found["x_ap"] == pytest.approx(labels.mean())
    assert (found["x_accuracy"], found["x_f1"]) == (pytest.approx(labels.mean()), 0.0)


def test_without_a_pair_labelled_1_there_is_no_average_precision() -> None:
    assert np.isnan(average_precision(np.arange(3.0), np.zeros(3), np.ones((3, 1)))[0])


def test_other_labels_lengths_and_scores_are_refused() -> None:
    with pytest.raises(DataError, match=r"labels of \[0.5\]: only 0 and 1"):
        everyone(np.array([0.0, 0.5]))
    with pytest.raises(DataError, match="3 cluster numbers for 2 labels"):
        Classification(np.array([0.0, 1.0]), np.arange(3))
    with pytest.raises(DataError, match="cosine: 1 of 2 values are not finite"):
        task.figures(everyone(np.array([0.0, 1.0])), {"cosine": decided(np.array([1.0, math.nan]), None)})
    with pytest.raises(DataError, match="cosine: 3 scores for 2"):
        task.figures(everyone(np.array([0.0, 1.0])), {"cosine": decided(np.arange(3.0), None)})
