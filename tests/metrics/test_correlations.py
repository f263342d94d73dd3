"""The figures against scipy and sentence-transformers' evaluator, the summary by hand, and the intervals' meaning."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from terna.errors import DataError
from terna.metrics import task
from terna.metrics.correlations import Correlation, clusters, figures, tied
from terna.metrics.similarity import SIMILARITIES, pairwise

GOLD = np.array([0.0, 1.0, 2.5, 2.5, 4.0, 3.0])
SCORES = {"cosine": np.array([0.1, 0.4, 0.4, 0.6, 0.9, 0.2]), "dot": np.array([5.0, 1.0, 2.0, 2.0, 8.0, 9.0])}
FILES = ["news", "wiki", "news", "wiki", "news", "news"]


def everyone(gold: np.ndarray) -> Correlation:
    return Correlation(gold, np.arange(len(gold)))


class Stub:
    """What the evaluator asks of a model: fixed vectors, one a text."""

    model_card_data = SimpleNamespace(set_evaluation_metrics=lambda *_: None)

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return np.stack([self.vectors[text] for text in texts])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_eight_figures_are_those_of_the_neighbours_evaluator(dtype: type) -> None:
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 21, 120) / 4
    left = rng.normal(size=(120, 24)).astype(dtype)
    right = (left * gold[:, None] / 5 + rng.normal(size=(120, 24))).astype(dtype)
    names = [[f"{side}{row}" for row in range(120)] for side in "lr"]
    model = Stub(dict(zip(names[0] + names[1], [*left, *right], strict=True)))
    theirs = EmbeddingSimilarityEvaluator(*names, gold.tolist(), similarity_fn_names=list(SIMILARITIES))(model)
    ours = figures(pairwise(left, right), gold)
    assert list(ours) == [f"{name}_{kind}" for name in SIMILARITIES for kind in ("pearson", "spearman")]
    for name in SIMILARITIES:
        for kind in ("pearson", "spearman"):
            assert ours[f"{name}_{kind}"] == pytest.approx(theirs[f"{kind}_{name}"], abs=1e-6), (name, kind)


@pytest.mark.parametrize("levels", [3, 20, 10**9])
def test_figures_are_scipys_with_many_ties_and_with_none(levels: int) -> None:
    rng = np.random.default_rng(levels)
    gold = rng.integers(0, levels, 300).astype(np.float64)
    scores = {"near": gold + rng.normal(size=300), "tied": -rng.integers(0, 4, 300) * 1e6, "far": gold**3 + 1e9}
    found = figures(scores, gold)
    for name, values in scores.items():
        assert found[f"{name}_pearson"] == pytest.approx(stats.pearsonr(values, gold).statistic, abs=1e-12)
        assert found[f"{name}_spearman"] == pytest.approx(stats.spearmanr(values, gold).statistic, abs=1e-12)


def test_any_kind_of_score_has_figures() -> None:
    assert figures({"jaccard": np.array([1, 2, 3])}, np.array([2.0, 4.0, 6.0])) == {
        "jaccard_pearson": pytest.approx(1),
        "jaccard_spearman": pytest.approx(1),
    }


@pytest.mark.parametrize("value", [0.0, 0.1, -3e7])
def test_constant_scores_have_no_figures_and_leave_the_others_alone(value: float) -> None:
    found = figures({"flat": np.full(6, value), **SCORES}, GOLD)
    assert found["flat_pearson"] is found["flat_spearman"] is None
    assert {name: found[name] for name in list(found)[2:]} == figures(SCORES, GOLD)


def test_constant_gold_has_no_figures() -> None:
    assert set(figures(SCORES, np.full(6, 2.5)).values()) == {None}


def test_the_cosines_of_a_collapsed_encoder_are_constant_but_for_rounding() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(1, 64))
    cosine = pairwise(one * rng.uniform(1, 2, (50, 1)), one * rng.uniform(1, 2, (50, 1)))["cosine"]
    assert np.ptp(cosine) > 0
    assert set(figures({"cosine": cosine}, np.arange(50.0)).values()) == {None}


def test_equal_vectors_tie_whatever_their_last_bits_and_all_other_scores_stay_as_they_are() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 60, 64))
    right[:20] = left[:20]
    cosine, gold = pairwise(left, right)["cosine"], rng.permutation(60).astype(float)
    shaken = np.where(np.arange(60) < 20, 1 - rng.permutation(60) * 1e-16, cosine)
    exact = np.where(np.arange(60) < 20, 1.0, cosine)
    assert stats.spearmanr(shaken, gold).statistic != stats.spearmanr(exact, gold).statistic
    for scores in (cosine, shaken, exact):
        found = figures({"cosine": scores}, gold)
        assert found["cosine_spearman"] == pytest.approx(stats.spearmanr(exact, gold).statistic, abs=1e-12)
        assert found["cosine_pearson"] == pytest.approx(stats.pearsonr(exact, gold).statistic, abs=1e-12)
    assert np.array_equal(tied(shaken)[20:], cosine[20:])
    assert np.array_equal(tied(np.array([3.0, 1.0, 2.0, 2.0])), [3.0, 1.0, 2.0, 2.0])
    assert np.array_equal(tied(np.array([1e-9, 0.0, 1.0])), [1e-9, 0.0, 1.0])


@pytest.mark.parametrize("call", [figures, lambda scores, gold: task.intervals(everyone(gold), scores, seed=0)])
@pytest.mark.parametrize(
    ("values", "gold", "message"),
    [
        ([1.0], [1.0], "1 scored pairs"),
        ([], [], "0 scored pairs"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "cosine: 2 scores for 3 gold"),
        ([1.0, math.nan, math.inf], [1.0, 2.0, 3.0], "cosine: 2 of 3 values are not finite"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, math.nan], "gold: 1 of 3 values are not finite"),
    ],
)
def test_what_has_no_correlation_is_refused(call: object, values: list[float], gold: list[float], message: str) -> None:
    assert callable(call)
    with pytest.raises(DataError, match=message):
        call({"cosine": np.array(values)}, np.array(gold))


def test_the_summary_has_the_figures_over_all_by_file_and_weighted() -> None:
    found = task.summary(everyone(GOLD), SCORES, FILES)
    news = figures({name: values[[0, 2, 4, 5]] for name, values in SCORES.items()}, GOLD[[0, 2, 4, 5]])
    wiki = figures({name: values[[1, 3]] for name, values in SCORES.items()}, GOLD[[1, 3]])
    assert found == {
        "n": 6,
        **figures(SCORES, GOLD),
        "by_file": {"news": {"n": 4, **news}, "wiki": {"n": 2, **wiki}},
        "weighted_mean": {name: pytest.approx((4 * news[name] + 2 * wiki[name]) / 6) for name in news},
    }
    assert list(found) == ["n", *figures(SCORES, GOLD), "by_file", "weighted_mean"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_files_stand_in_order_of_first_appearance() -> None:
    assert list(task.summary(everyone(GOLD), SCORES, FILES[::-1])["by_file"]) == ["news", "wiki"]
    assert list(task.summary(everyone(GOLD), SCORES, FILES[1:] + FILES[:1])["by_file"]) == ["wiki", "news"]


def test_the_weighted_mean_is_none_where_a_files_figure_is() -> None:
    found = task.summary(everyone(GOLD), SCORES | {"dot": np.array([5.0, 2.0, 2.0, 2.0, 8.0, 9.0])}, FILES)
    assert found["by_file"]["wiki"]["dot_pearson"] is None
    assert found["weighted_mean"]["dot_pearson"] is found["weighted_mean"]["dot_spearman"] is None
    assert found["weighted_mean"]["cosine_pearson"] is not None
    assert found["dot_pearson"] is not None


def test_a_file_of_one_pair_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="file lone: 1 scored pairs"):
        task.summary(everyone(GOLD), SCORES, [*FILES[:5], "lone"])
    with pytest.raises(DataError, match="5 files for 6 gold"):
        task.summary(everyone(GOLD), SCORES, FILES[:5])


def test_equal_unordered_pairs_share_a_cluster() -> None:
    left = ["Sí", "no", " NO ", "STRASSE", "uno", "no", "sí"]
    right = ["no", "sí", "SÍ\n", "tú", "uno", "no", "no "]
    found = clusters(left, right)
    assert found.tolist() == [0, 0, 0, 1, 2, 3, 0]
    assert clusters(["Straße"], ["tú"]).dtype == np.int64
    assert clusters(["straße", "TÚ"], ["tú", "STRASSE"]).tolist() == [0, 0]
    assert clusters([], []).tolist() == []
    with pytest.raises(DataError, match="1 first and 0 second"):
        clusters(["a"], [])


def test_texts_that_run_together_alike_are_not_one_pair() -> None:
    assert clusters(["a b", "a"], ["c", "b c"]).tolist() == [0, 1]
