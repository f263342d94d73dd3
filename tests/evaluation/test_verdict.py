"""The verdict: the interval of the difference decides, against the best baseline, on the test benchmarks."""

from pathlib import Path
from typing import Any

import pytest
from card_inputs import TRAINING, comparison, scores_of, settings_of

from terna.errors import DataError
from terna.evaluation.verdict import Finding, Outcome, proven, since_start, verdict, verdicts
from terna.settings import Settings

BEST = "TF-IDF, characters"


@pytest.fixture
def settings(root: Path) -> Settings:
    return settings_of(root)


def scores_with(settings: Settings, bounds: list[float | None], best: str = BEST) -> dict[str, Any]:
    """Figures whose difference from the best baseline has these bounds; from every other one it is clear."""
    scores = scores_of(settings)
    for one in scores["comparisons"]["sts-sample-test"]:
        one["ci95"] = bounds if one["system"] == best else [0.7, 0.8]
    return scores


@pytest.mark.parametrize(
    ("bounds", "outcome"),
    [
        ([0.001, 0.2], Outcome.BETTER),
        ([-0.2, -0.001], Outcome.WORSE),
        ([-0.001, 0.2], Outcome.OPEN),
        ([0.0, 0.2], Outcome.OPEN),
        ([-0.2, 0.0], Outcome.OPEN),
        ([None, None], Outcome.UNDEFINED),
    ],
)
def test_the_interval_of_the_difference_from_the_best_baseline_decides(
    settings: Settings, bounds: list[float | None], outcome: Outcome
) -> None:
    found = verdicts(settings.evaluate, scores_with(settings, bounds))
    assert [(one.benchmark, one.baseline, one.outcome) for one in found] == [("sts-sample-test", BEST, outcome)]
    assert proven(found) == (outcome is Outcome.BETTER)


def test_the_best_baseline_is_the_one_with_the_highest_figure_of_the_main_score_s_kind(root: Path) -> None:
    settings = settings_of(root, "evaluate.main_score=dot_spearman")
    scores = scores_with(settings, [-0.3, 0.1], best="word overlap (Jaccard)")
    scores["baselines"]["sts-sample-test"] |= {"jaccard_spearman": 0.99, "tfidf_words_pearson": 0.999}
    scores["baselines"]["sts-sample-test"]["tfidf_chars_spearman"] = None
    found = verdict("sts-sample-test", settings.evaluate, scores)
    assert (found.baseline, found.theirs, found.outcome) == ("word overlap (Jaccard)", 0.99, Outcome.OPEN)
    assert found.ours == scores["sts-sample-test"]["dot_spearman"]


def test_where_there_is_no_test_benchmark_nothing_is_proven(root: Path) -> None:
    settings = settings_of(root, "evaluate.benchmarks.sts-sample-test.role=development")
    scores = scores_with(settings, [0.1, 0.2])
    found = verdicts(settings.evaluate, scores)
    assert [one.use for one in found] == ["chosen on", "development"]
    assert not proven(found)


def test_a_test_benchmark_that_chose_the_checkpoint_proves_nothing(root: Path) -> None:
    settings = settings_of(root, "evaluate.select_on=sts-sample-test", "evaluate.replication=true")
    found = verdicts(settings.evaluate, scores_with(settings, [0.1, 0.2]))
    assert [(one.use, one.outcome) for one in found] == [("test, and chosen on", Outcome.BETTER)]
    assert not proven(found)


def test_a_comparison_that_is_missing_is_named(settings: Settings) -> None:
    scores = scores_of(settings)
    scores["comparisons"]["sts-sample-test"].pop()
    with pytest.raises(DataError, match=f"comparisons.sts-sample-test: nothing on {BEST}; run the evaluate stage"):
        verdicts(settings.evaluate, scores)


def test_the_sentence_has_both_figures_and_the_difference_with_its_interval(settings: Settings) -> None:
    scores = scores_with(settings, [-0.0702, 0.0469])
    scores["sts-sample-test"]["cosine_pearson"] = 0.5611
    scores["baselines"]["sts-sample-test"]["tfidf_chars_pearson"] = 0.5719
    scores["comparisons"]["sts-sample-test"][-1]["difference"] = -0.0108
    assert verdict("sts-sample-test", settings.evaluate, scores).sentence() == (
        "On sts-sample-test (test), this model is not distinguishable from the best lexical baseline, TF-IDF over "
        "characters (difference -0.011, -0.070 to 0.047). Its cosine_pearson is 0.561, the baseline's 0.572; "
        "intervals are 95 %. A true difference below 0.084 from the baseline is missed in more than one of five "
        "such tests."
    )


def test_every_other_encoder_follows_the_best_baseline_and_the_other_baselines_do_not(settings: Settings) -> None:
    scores = scores_with(settings, [0.09, 0.17])
    scores["comparisons"]["sts-sample-test"][-1]["difference"] = 0.13
    for system, difference, bounds in (
        ("e5", 0.004, [-0.007, 0.015]),
        ("the backbone, untouched", -0.2, [-0.3, -0.1]),
    ):
        row = comparison(0.5, system) | {"difference": difference, "ci95": bounds}
        scores["comparisons"]["sts-sample-test"].insert(0, row)
    found = verdict("sts-sample-test", settings.evaluate, scores)
    assert found.sentence().startswith(
        "On sts-sample-test (test), this model is better than the best lexical baseline, TF-IDF over characters, by "
        "0.130 (0.090 to 0.170); worse than the backbone before training by 0.200 (0.100 to 0.300); not "
        "distinguishable from e5 (difference 0.004, -0.007 to 0.015). "
    )
    assert found.outcome is Outcome.BETTER
    assert found.missed() == ""


@pytest.mark.parametrize(("difference", "bounds"), [(None, [0.1, 0.2]), (0.1, [None, None])])
def test_what_is_undefined_is_not_compared(difference: float | None, bounds: list[float | None]) -> None:
    assert Finding("e5", difference, bounds).words() == "not comparable with e5, because a score is undefined"


def test_the_gain_over_the_start_is_told_in_the_same_words_where_a_step_was_kept() -> None:
    found = since_start(TRAINING)
    assert found is not None
    assert found.words() == "better than the weights at the start by 0.250 (0.200 to 0.300)"
    assert since_start({**TRAINING, "selected_step": 0}) is None
