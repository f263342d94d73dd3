"""What is measured of made-up systems, against scipy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from composed import compose_once, small
from made_up_system import WORDS, Numbers
from scipy.stats import pearsonr, spearmanr

from terna import evaluation
from terna.data.corpora.search import Search
from terna.data.evaluators import Retrieval, Similarity, encoded
from terna.encoder import Usage
from terna.evaluation import measure as measuring
from terna.evaluation.table import rows
from terna.metrics.similarity import SIMILARITIES
from terna.records import SCORED
from terna.sentences import Prompts
from terna.settings import Prompts as Declared
from terna.settings import Settings

NAME = "sts-sample-dev"


@pytest.fixture
def settings(root: Path) -> Settings:
    found = compose_once(root, small(["+evaluate.systems.other=somewhere"]))
    evaluate = replace(found.evaluate, benchmarks={NAME: found.evaluate.benchmarks[NAME]})
    return replace(found, evaluate=evaluate)


@pytest.fixture
def table() -> pa.Table:
    rng = np.random.default_rng(1)
    pairs = [rng.choice(WORDS, 2) for _ in range(40)]
    columns = {
        "file": ["first"] * 25 + ["second"] * 15,
        "line": range(1, 41),
        "sentence1": [f"un {one} {number}" for number, (one, _) in enumerate(pairs)],
        "sentence2": [f"el {two} {number % 7}" for number, (_, two) in enumerate(pairs)],
        "gold": rng.uniform(0, 5, 40),
    }
    return pa.table({name: columns[name] for name in SCORED.names}, schema=SCORED)


@pytest.fixture
def measured(settings: Settings, table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> dict[str, evaluation.Measured]:
    monkeypatch.setattr(measuring, "load_system", lambda where, _: {"somewhere": Numbers(2)}[where])
    monkeypatch.setattr(measuring, "_untouched", lambda settings: Numbers(3))
    return evaluation.measure_systems(Numbers(1), settings, {NAME: Similarity(NAME, table)})


def test_the_figures_of_every_system_are_scipys(
    measured: dict[str, evaluation.Measured], settings: Settings, table: pa.Table
) -> None:
    found = evaluation.results(measured, settings)
    gold, both = table["gold"].to_numpy(), (table["sentence1"].to_pylist(), table["sentence2"].to_pylist())
    for place, seed in ((found, 1), (found["systems"]["other"], 2), (found["untouched"], 3)):
        first, second = (Numbers(seed).encode(side).astype(float) for side in both)
        dots = (first * second).sum(axis=1)
        assert place[NAME]["dot_pearson"] == pytest.approx(pearsonr(dots, gold).statistic, abs=1e-12)
        distances = np.abs(first - second).sum(axis=1)
        assert place[NAME]["manhattan_spearman"] == pytest.approx(spearmanr(-distances, gold).statistic, abs=1e-12)
    against = [one["system"] for one in found["comparisons"][NAME]]
    assert against[:2] == ["other", "the backbone, untouched"]
    assert len(against) == 5


def test_predictions_hold_each_systems_scores_of_each_pair(measured: dict[str, evaluation.Measured]) -> None:
    one = measured[NAME]
    rows = evaluation.predictions(one)
    baselines = ["jaccard", "tfidf_words", "tfidf_chars"]
    others = [f"{system}_{measure}" for system in ("untouched", "other") for measure in SIMILARITIES]
    assert rows.column_names == [*SCORED.names, *SIMILARITIES, *baselines, *others]
    assert rows["other_cosine"].to_pylist() == one.others["other"]["cosine"].tolist()
    assert rows["untouched_dot"].to_pylist() != rows["dot"].to_pylist()


def test_points_are_gold_and_cosine_of_each_pair(measured: dict[str, evaluation.Measured], table: pa.Table) -> None:
    found = list(evaluation.points(NAME, measured[NAME]))
    assert [point["file"] for point in found] == table["file"].to_pylist()
    assert [float(point["gold"]) for point in found] == pytest.approx(table["gold"].to_pylist(), rel=1e-5)
    assert [float(point["cosine"]) for point in found] == pytest.approx(measured[NAME].ours["cosine"], abs=1e-6)


def test_a_backbone_of_random_weights_has_no_row(settings: Settings, table: pa.Table) -> None:
    alone = replace(settings, evaluate=replace(settings.evaluate, systems={}))
    assert settings.model.scratch
    measured = evaluation.measure_systems(Numbers(1), alone, {NAME: Similarity(NAME, table)})
    found = evaluation.results(measured, alone)
    assert (found["untouched"], found["systems"]) == ({}, {})
    assert "untouched_cosine" not in evaluation.predictions(measured[NAME]).column_names
    assert list(evaluation.taken_apart(NAME, measured[NAME], alone).space) == ["this model"]


def test_both_sentences_of_a_pair_have_the_default_prompt_and_the_figures_say_so(
    settings: Settings, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "load_system", lambda where, _: Numbers(2, Usage({"x": "de la carpeta "}, "x")))
    monkeypatch.setattr(measuring, "_untouched", lambda settings: Numbers(3))
    asked = replace(settings.evaluate, prompts={"other": Declared("busca: ", "texto: ", "document")})
    settings, ours = (
        replace(settings, evaluate=asked),
        Numbers(1, Usage({"query": "mía: ", "document": "no: "}, "query")),
    )
    measured = evaluation.measure_systems(ours, settings, {NAME: Similarity(NAME, table)})
    found, gold = evaluation.results(measured, settings), table["gold"].to_numpy()
    for place, seed, prompt in ((found, 1, "mía: "), (found["systems"]["other"], 2, "texto: ")):
        sides = ([prompt + text for text in table[name].to_pylist()] for name in ("sentence1", "sentence2"))
        first, second = (Numbers(seed).encode(side).astype(float) for side in sides)
        assert place[NAME]["dot_pearson"] == pytest.approx(pearsonr((first * second).sum(1), gold).statistic, abs=1e-9)
        assert place[NAME]["prompts"] == {"default": prompt}
    assert not {"prompts"} & {*found["untouched"][NAME], *found["baselines"][NAME]}
    sources = {name: source for name, source, *_ in rows(NAME, settings.evaluate, found)[1]}
    assert sources["this model"] == 'measured, these weights, prompt "mía: "'
    assert sources["other"] == 'measured, somewhere, prompt "texto: "'
    assert sources["the backbone, untouched"] == "measured, the backbone before training"


def test_queries_and_documents_have_their_own_prompts() -> None:
    places, gains = np.arange(2), np.ones(2)
    search = Retrieval("s", Search(["uno", "dos"], ["tres", "cuatro"], places, places, gains, 0))
    found = encoded(Numbers(1).encode, Prompts("busca: ", "", "nunca: "), search)
    np.testing.assert_array_equal(found, Numbers(1).encode(["busca: uno", "busca: dos", "tres", "cuatro"]))
