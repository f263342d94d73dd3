"""Scored pairs, binary labels and a ranking measured in one run: figures, comparisons, tables, card and report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from card_inputs import card_of, front_of
from composed import small
from made_up_system import WORDS, Numbers
from report_inputs import Page, contents_of
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

from terna import evaluation
from terna.data.evaluators import Binary, Evaluator, Retrieval, decided_on, read_evaluators
from terna.evaluation import measure as measuring
from terna.evaluation.table import BASELINES, markdown
from terna.evaluation.verdict import verdicts
from terna.metrics.classification import best_thresholds
from terna.release.report import render
from terna.settings import Settings, compose, load


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(3)
    labelled = [
        f"el {one} {n},un {two} {n},{n % 3 == 0:d}\n" for n, (one, two) in enumerate(rng.choice(WORDS, (60, 2)))
    ]
    asked = [f"¿{one} {n + 100}?,{one} y {two} {n + 100}.\n" for n, (one, two) in enumerate(rng.choice(WORDS, (60, 2)))]
    for name in ("own-dev", "own"):
        (folder / name).mkdir()
        (folder / name / "labels.csv").write_text("sentence1,sentence2,label\n" + "".join(labelled))
    (folder / "search").mkdir()
    (folder / "search" / "search.csv").write_text("query,document\n" + "".join(asked))
    return folder


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    """Binary labels that are split, and a ranking as a second test."""
    words = [
        "evaluate=own_binary",
        "evaluate.benchmarks.own.files=[my/labels.csv]",
        "+evaluate.systems.other=somewhere",
    ]
    plain = compose(root / "conf", small(words))
    search = {**plain["evaluate"]["benchmarks"]["own"], "shape": "ranking", "files": ["my/search.csv"], "split": None}
    plain["evaluate"]["benchmarks"]["search"] = search
    plain["fetch"]["benchmarks"].append("search")
    return load(plain)


@pytest.fixture(scope="module")
def evaluators(settings: Settings, raw: Path) -> dict[str, Evaluator]:
    return read_evaluators(settings.evaluate, raw)


@pytest.fixture(scope="module")
def measured(settings: Settings, evaluators: dict[str, Evaluator]) -> dict[str, evaluation.Measured]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "load_system", lambda where, _: {"somewhere": Numbers(2)}[where])
        patch.setattr(measuring, "_untouched", lambda settings: Numbers(3))
        return evaluation.measure_systems(Numbers(1), settings, evaluators)


@pytest.fixture(scope="module")
def found(measured: dict[str, evaluation.Measured], settings: Settings) -> dict[str, Any]:
    return evaluation.results(measured, settings)


def cosines(seed: int, evaluator: Evaluator) -> Any:
    left, right = (each.astype(float) for each in np.split(Numbers(seed).encode(evaluator.texts), 2))
    return (left * right).sum(axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def test_each_systems_threshold_is_its_own_best_on_development_and_decides_the_test(
    found: dict[str, Any], evaluators: dict[str, Evaluator]
) -> None:
    dev, test = evaluators["own-dev"], evaluators["own"]
    assert isinstance(dev, Binary) and isinstance(test, Binary)
    for seed, place in ((1, found), (2, found["systems"]["other"]), (3, found["untouched"])):
        learnt, scores = cosines(seed, dev), cosines(seed, test)
        accuracy, f1 = best_thresholds(learnt, dev.gold)
        one = place["own"]
        assert one["cosine_ap"] == pytest.approx(average_precision_score(test.gold, scores), abs=1e-9)
        assert one["cosine_accuracy"] == pytest.approx(accuracy_score(test.gold, scores >= accuracy))
        assert one["cosine_f1"] == pytest.approx(f1_score(test.gold, scores >= f1))
        assert one["thresholds"]["cosine_accuracy"] == pytest.approx(accuracy)
        assert one["decided_on"] == "own-dev"
        tried = [accuracy_score(dev.gold, learnt >= each) for each in [*learnt, 2.0]]
        assert place["own-dev"]["cosine_accuracy"] == pytest.approx(max(tried))
    assert found["floors"]["own"]["decided_on"] == "own-dev"


def test_rounding_alone_moves_no_threshold(evaluators: dict[str, Evaluator]) -> None:
    dev, test = evaluators["own-dev"], evaluators["own"]
    assert isinstance(dev, Binary) and isinstance(test, Binary)
    one = np.where(np.arange(len(dev.gold)) % 4, 1.0, 0.5)
    # the last bit tells which pairs are labelled 1
    rounded = np.where(dev.gold == 1, one, np.nextafter(one, 0))
    own = {"cosine": np.linspace(0, 1, len(test.gold))}
    exact, moved = (test.concluded({dev.name: {"cosine": each}, test.name: own})["cosine"] for each in (one, rounded))
    assert moved == pytest.approx(exact, abs=1e-9)


def test_a_ranking_is_figured_under_both_similarities_and_its_baselines(
    found: dict[str, Any], evaluators: dict[str, Evaluator]
) -> None:
    search = evaluators["search"]
    assert isinstance(search, Retrieval)
    queries, documents = np.split(Numbers(1).encode(search.texts).astype(float), [len(search.search.queries)])
    ranks = 1 + ((queries @ documents.T) > (queries * documents).sum(axis=1)[:, None] + 1e-6).sum(axis=1)
    assert found["search"]["dot_mrr@10"] == pytest.approx(np.where(ranks <= 10, 1 / ranks, 0).mean())
    assert found["search"]["dot_recall@10"] == pytest.approx((ranks <= 10).mean())
    assert (found["search"]["n"], found["search"]["documents"], found["search"]["queries_left_out"]) == (60, 60, 0)
    # the number in a query stands in its own document alone
    assert found["floors"]["search"]["tfidf_words_mrr@10"] == 1.0
    assert found["floors"]["search"]["jaccard_recall@10"] > 0.9


def test_the_content_of_the_files_is_json_and_a_row_a_unit(
    measured: dict[str, evaluation.Measured], found: dict[str, Any], settings: Settings
) -> None:
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    few = evaluation.few("search", found["search"], settings)
    assert list(few) == [
        f"{one}_{kind}" for one in ("cosine", "dot") for kind in ("ndcg@10", "mrr@10", "recall@10", "recall@100")
    ]
    rows = evaluation.predictions(measured["search"])
    assert {"query", "relevant", "cosine_ndcg@10", "tfidf_chars_recall@100", "other_dot_mrr@10"} <= set(
        rows.column_names
    )
    assert np.mean(rows["cosine_ndcg@10"].to_pylist()) == pytest.approx(found["search"]["cosine_ndcg@10"])
    assert (
        evaluation.predictions(measured["own"])["cosine"].to_pylist() == measured["own"].ours["cosine"][:, 0].tolist()
    )
    assert [evaluation.taken_apart(name, one, settings) for name, one in measured.items()] == [None] * 3
    assert not [point for name, one in measured.items() for point in evaluation.points(name, one)]


@pytest.mark.parametrize(("name", "score"), [("own", "cosine_ap"), ("search", "cosine_ndcg@10")])
def test_runs_are_pooled_from_their_predictions(
    measured: dict[str, evaluation.Measured], found: dict[str, Any], settings: Settings, name: str, score: str
) -> None:
    task = settings.evaluate.benchmarks[name].task
    assert settings.evaluate.score_of(name) == score
    one = evaluation.pooled([evaluation.predictions(measured[name])] * 2, task, score, settings.seed)
    assert one.mean.value == pytest.approx(found[name][score])
    assert [one.mean.low, one.mean.high] == pytest.approx(found[name]["ci95"][score])
    systems = {each.system: each.difference for each in one.mean.comparisons}
    assert systems == {each["system"]: pytest.approx(each["difference"]) for each in found["comparisons"][name]}
    assert set(systems) == {"other", "the backbone, untouched", *BASELINES.values()}


def test_tables_and_verdicts_say_the_task_and_that_one_file_was_split(
    found: dict[str, Any], settings: Settings
) -> None:
    table = markdown(settings.evaluate, found)
    n = {name: found[name]["n"] for name in settings.evaluate.benchmarks}
    assert (
        f"**own (test, {n['own']} pairs of a file that it shares with own-dev)**: average precision / accuracy / F1"
        in table
    )
    assert f"**own-dev (chosen on, {n['own-dev']} pairs of a file that it shares with own)**" in table
    assert "**search (test, 60 queries)**: nDCG@10 / MRR@10 / recall@10 / recall@100" in table
    assert "95 % interval of cosine_ndcg@10" in table
    told = [one.sentence() for one in verdicts(settings.evaluate, found)]
    assert [("cosine_ap" in each, "cosine_ndcg@10" in each) for each in told] == [(True, False), (False, True)]


def test_card_and_report_hold_every_figure(found: dict[str, Any], settings: Settings) -> None:
    card = card_of(settings, scores=found)
    results = front_of(card)["model-index"][0]["results"]
    told = {(one["dataset"]["name"], metric["type"]): metric["value"] for one in results for metric in one["metrics"]}
    expected = {
        (name, figure): found[name][figure]
        for name, one in settings.evaluate.benchmarks.items()
        for figure in one.figures
        if found[name][figure] is not None
    }
    assert told == expected
    assert {one["task"]["type"] for one in results} == {"binary-classification", "information-retrieval"}
    assert "`own-dev` was split off the file of `own`: no sentence is in both." in card
    assert "accuracy and F1 at the threshold that is best on development data" in card
    assert "Each figure is the correlation" not in card
    assert "The twelve figures:" in card
    curve = {"step": [0.0, 5.0], "cosine_ap": [0.5, 0.7], "cosine_accuracy": [0.6, 0.6], "dot_ap": [0.1, 0.2]}
    contents = contents_of(settings=settings, scores=found, diagnosis={}, predictions={})
    page = Page(render(replace(contents, curves={**contents.curves, "development": curve})))
    assert "Systems on search: nDCG@10 / MRR@10 / recall@10 / recall@100" in page.tables
    assert "The twelve figures on own" in page.tables
    assert "was split off the file of" in page.text
    titles = [title for _, title in page.headings]
    assert not {"Predicted against gold", "Diagnosis"} & set(titles)
    assert titles[titles.index("Examples") + 1] == "Training triplets"
    drawn = "\n".join(page.labels)
    assert "average precision: 0.5 at step 0, 0.7 at step 5" in drawn
    for name, score in (("own-dev", "cosine_ap"), ("own", "cosine_ap"), ("search", "cosine_ndcg@10")):
        assert f"this model: {found[name][score]:.3f}" in drawn


def test_without_development_labels_nothing_is_decided(settings: Settings, raw: Path) -> None:
    alone = replace(settings.evaluate.benchmarks["own"], split=None)
    evaluate = replace(settings.evaluate, benchmarks={"own": alone})
    assert decided_on("own", evaluate) is None
    [one] = read_evaluators(evaluate, raw).values()
    outcomes = one.concluded({"own": one.outcomes(Numbers(1).encode(one.texts))})
    assert np.isnan(outcomes["cosine"][:, 1:]).all()
    assert one.account(outcomes)["thresholds"] == {}
