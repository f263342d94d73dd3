"""The table of systems holds what was measured, and says how each figure came about."""

from pathlib import Path
from typing import Any

import pytest
from composed import compose_once

from terna.errors import DataError
from terna.evaluation.table import check, markdown, official, systems
from terna.settings import Evaluate
from terna.settings.benchmark import MEASURES

KINDS = ("lexical baseline", "measured")


@pytest.fixture
def evaluate(root: Path) -> Evaluate:
    return compose_once(root, ["experiment=minilm_es"]).evaluate


@pytest.fixture
def scores(evaluate: Evaluate) -> dict[str, Any]:
    kinds = ("pearson", "spearman")
    ours: dict[str, Any] = {f"{m}_{k}": 0.5 + i / 10 for i, m in enumerate(MEASURES["sts"]) for k in kinds}
    ours |= {"n": 751, "ci95": {"cosine_pearson": [0.45, 0.55]}, "dot_pearson": None}
    baseline = {f"{name}_{k}": 0.25 for name in ("jaccard", "tfidf_words", "tfidf_chars") for k in kinds}
    untouched = ours | {"cosine_pearson": 0.111}
    names = list(evaluate.benchmarks)
    every = {name: dict(ours) for name in names}
    chances = {"p": 0.0004, "p_holm": 0.0123, "p_williams": None}
    compared = [{"system": "TF-IDF, words", "difference": 0.051, "ci95": [0.012, 0.089], **chances}]
    return every | {
        "baselines": dict.fromkeys(names, baseline),
        "untouched": {"sts2015-es": untouched},
        "comparisons": dict.fromkeys(names, compared),
    }


def test_baselines_reported_untouched_and_ours_stand_in_this_order(evaluate: Evaluate, scores: dict[str, Any]) -> None:
    kinds = [system.source.split(",")[0] for system in systems("sts2015-es", evaluate, scores)]
    assert kinds == ["lexical baseline"] * 3 + ["reported"] * 2 + ["measured"] * 2
    assert [system.source for system in systems("sts2014-es", evaluate, scores)] == [
        *["lexical baseline"] * 3, "measured, these weights",
    ]  # fmt: skip


def test_another_system_stands_before_ours_with_where_it_is_from_and_its_own_interval(
    root: Path, scores: dict[str, Any]
) -> None:
    words = ["experiment=minilm_es", "+evaluate.systems.minilm=owner/name@main"]
    evaluate = compose_once(root, words).evaluate
    other = scores["sts2014-es"] | {"cosine_pearson": 0.222, "ci95": {"cosine_pearson": [0.123, 0.321]}}
    scores["systems"] = {"minilm": {"sts2014-es": other, "sts2015-es": other}}
    lines = [line for line in markdown(evaluate, scores).splitlines() if line.startswith("| minilm ")]
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("| minilm | measured, owner/name@main | 0.222 / 0.500 |")
        assert line.endswith("| 0.123 to 0.321 |")
    assert [(row.name, row.source) for row in systems("sts2015-es", evaluate, scores)][-3:] == [
        ("minilm", "measured, owner/name@main"),
        ("the backbone, untouched", "measured, the backbone before training"),
        ("this model", "measured, these weights"),
    ]


def test_systems_are_compared_by_semevals_score_where_one_is_reported(
    evaluate: Evaluate, scores: dict[str, Any]
) -> None:
    assert "ExBThemis-trainEs" not in [row.name for row in systems("sts2015-es", evaluate, scores)]
    scores["sts2015-es"] |= {"weighted_mean": {"cosine_pearson": 0.6412, "cosine_spearman": 0.1}}
    weighted = {"weighted_mean": {"jaccard_pearson": 0.5871, "tfidf_words_pearson": 0.6, "tfidf_chars_pearson": None}}
    scores["baselines"] = {name: one | weighted for name, one in scores["baselines"].items()}
    found = official("sts2015-es", evaluate, scores)
    assert found is not None
    assert found[1] == [
        ["word overlap (Jaccard)", "lexical baseline", "0.587"],
        ["TF-IDF, words", "lexical baseline", "0.600"],
        ["ExBThemis-trainEs", "reported, SemEval-2015 task 2, the best Spanish run", "0.690"],
        ["this model", "measured, these weights", "0.641"],
    ]
    assert official("sts2014-es", evaluate, scores) is None
    text = markdown(evaluate, scores)
    assert text.count("By the score that SemEval ranks by:") == 1
    assert "| this model | measured, these weights | 0.641 |" in text


def test_figures_that_lack_a_system_of_the_settings_are_refused_by_its_name(root: Path, scores: dict[str, Any]) -> None:
    evaluate = compose_once(root, ["experiment=minilm_es", "+evaluate.systems.minilm=owner/name"]).evaluate
    with pytest.raises(DataError, match=r"metrics/sts\.json: nothing of minilm on sts2014-es; run the evaluate stage"):
        check(evaluate, scores)


def test_each_figure_is_that_of_its_source_and_an_undefined_one_a_dash(
    evaluate: Evaluate, scores: dict[str, Any]
) -> None:
    text = markdown(evaluate, scores)
    table = [line.split("|") for line in text.splitlines() if line.startswith("|") and line.count("|") == 8]
    rows = {cells[1].strip(): cells[3:-2] for cells in table if cells[2].strip().startswith((*KINDS, "reported"))}
    assert [cell.strip() for cell in rows["BERTIN STS"]] == [
        "0.683 / 0.616", "0.673 / 0.612", "0.672 / 0.611", "0.601 / 0.521",
    ]  # fmt: skip
    assert [cell.strip() for cell in rows["this model"]] == [
        "0.500 / 0.500", "0.600 / 0.600", "0.700 / 0.700", "– / 0.800",
    ]  # fmt: skip
    assert rows["the backbone, untouched"][0].strip() == "0.111 / 0.500"
    assert [cell.strip() for cell in rows["TF-IDF, words"]] == ["0.250 / 0.250", "", "", ""]
    assert "**sts2014-es (chosen on, 751 pairs)**" in text
    assert "| – / 0.800 | 0.450 to 0.550 |" in text


def test_what_was_compared_is_told_with_its_interval_and_chances(evaluate: Evaluate, scores: dict[str, Any]) -> None:
    assert "| TF-IDF, words | 0.051 | 0.012 to 0.089 | < 0.001 | 0.012 | – |" in markdown(evaluate, scores)


def test_figures_of_a_benchmark_that_was_chosen_on_are_marked_when_it_is_a_test(
    root: Path, scores: dict[str, Any]
) -> None:
    words = ["experiment=minilm_es", "evaluate.select_on=sts2015-es", "evaluate.replication=true"]
    replication = compose_once(root, words).evaluate
    sources = {name: list(systems(name, replication, scores))[-1].source for name in replication.benchmarks}
    assert sources == {
        "sts2014-es": "measured, these weights",
        "sts2015-es": "measured, these weights, chosen on this test set",
    }
    assert "**sts2015-es (test, and chosen on, 751 pairs)**" in markdown(replication, scores)
