"""The board of made-up systems: figures and intervals are those of the evaluate stage, and nothing is scored twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from composed import compose_once
from made_up_system import WORDS, Numbers

from terna import evaluation
from terna.data.evaluators import Evaluator
from terna.errors import ModelError
from terna.evaluation import board as boards
from terna.evaluation import measure as measuring
from terna.evaluation.board import Scored, Standing, Unread, Used, scoring
from terna.evaluation.table import BASELINES
from terna.metrics.task import figures
from terna.metrics.ties import all_pairs
from terna.release.report.board import render_board
from terna.settings import Benchmark, File, Prompts
from terna.settings.board import Board, Listed

MADE = {"one": 1, "two": 2, "copy": 1}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of scored pairs, of labelled pairs and of a search."""
    folder: Path = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(3)
    pairs = [(f"el {one} {n}", f"un {two} {n % 9}") for n, (one, two) in enumerate(rng.choice(WORDS, (60, 2)))]
    scored = [f"{one},{two},{rng.uniform(0, 5)}\n" for one, two in pairs]
    labelled = [f"{one}\t{two}\t{n % 3 == 0:d}\n" for n, (one, two) in enumerate(pairs)]
    (folder / "scored.csv").write_text("sentence1,sentence2,score\n" + "".join(scored))
    (folder / "labelled.txt").write_text("sentence1\tsentence2\tclass\n" + "".join(labelled))
    (folder / "search.csv").write_text("query,document\n" + "".join(f"¿{one}?,{two}\n" for one, two in pairs))
    return folder


@pytest.fixture
def board(raw: Path) -> Board:
    def declared(shape: str, name: str, **more: Any) -> Benchmark:
        return Benchmark(
            format="columns", shape=shape, files=[File([str(raw / name)])], exact=False, role="test", **more
        )

    benchmarks = {
        "pairs": declared("scored", "scored.csv", rows=60),
        "labels": declared("classed", "labelled.txt"),
        "search": declared("ranking", "search.csv"),
    }
    systems = {name: Listed(path=name) for name in MADE}
    return Board(benchmarks, systems, "cosine_spearman", 0.95, 200, 7)


@pytest.fixture
def read(board: Board, tmp_path: Path) -> dict[str, Used]:
    found, missing = boards.read_benchmarks(board, tmp_path / "raw", mirror=None, progress=False, tell=print)
    assert not missing
    return found


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Which systems were loaded; each is a file of its own."""
    asked: list[str] = []

    def load_system(where: str, device: str) -> Numbers:
        asked.append(where)
        return Numbers(MADE[where])

    def locate(where: str) -> Path:
        if where not in MADE:
            raise ModelError(f"{where}: not there")
        path = tmp_path / f"{where}.txt"
        if not path.exists():
            path.write_text(where)
        return path

    monkeypatch.setattr(scoring, "load_system", load_system)
    monkeypatch.setattr(scoring, "locate", locate)
    return asked


@pytest.fixture
def score(board: Board, read: dict[str, Used], loaded: list[str], tmp_path: Path) -> Callable[..., Scored]:
    def run(name: str, listed: Listed | None = None, used: dict[str, Used] | None = None) -> Scored:
        given = listed or board.systems[name]
        return boards.score(name, given, used or read, tmp_path / "predictions", device="cpu", tell=lambda _: None)

    return run


@pytest.fixture
def standings(board: Board, read: dict[str, Used], score: Callable[..., Scored]) -> list[Standing]:
    scored = [score(name) for name in MADE]
    evaluators: dict[str, Evaluator] = {name: used.evaluator for name, used in read.items()}
    baselines = boards.lexical(evaluators)
    return [
        boards.standing(one, {each.name: each.outcomes[name] for each in scored}, baselines[name], board)
        for name, one in evaluators.items()
    ]


@pytest.mark.slow
def test_figures_and_intervals_are_those_of_the_evaluate_stage(
    root: Path, board: Board, read: dict[str, Used], standings: list[Standing], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = compose_once(root)
    evaluate = replace(board.evaluate, systems={"one": "one", "two": "two"})
    settings = replace(settings, evaluate=evaluate, seed=board.seed)
    monkeypatch.setattr(measuring, "load_system", lambda where, _: Numbers(MADE[where]))
    measured = evaluation.measure_systems(Numbers(3), settings, {name: used.evaluator for name, used in read.items()})
    every = replace(board, resamples=10_000)
    for one in measured.values():
        systems = {name: one.others[name] for name in ("one", "two")}
        baselines = {BASELINES[name]: outcome for name, outcome in one.baselines.items()}
        found = boards.standing(one.evaluator, systems, baselines, every)
        expected, name = evaluation.results({one.evaluator.name: one}, settings), one.evaluator.name
        for entry in found.entries:
            key = {shown: key for key, shown in BASELINES.items()}.get(entry.system)
            told = expected["baselines"][name] if key else expected["systems"][entry.system][name]
            for figure, value in entry.figures.items():
                assert value == pytest.approx(told[figure.replace("cosine", key or "cosine")], abs=1e-12)
            for figure, bounds in entry.intervals.items():
                assert bounds == pytest.approx(told["ci95"][figure.replace("cosine", key or "cosine")], abs=1e-12)
    # what was stored and read again is what was measured
    for one in standings:
        again = {entry.system: entry.figures for entry in one.entries}
        for name in ("one", "two"):
            fresh = figures(measured[one.benchmark].evaluator.metric, measured[one.benchmark].others[name])
            assert {key: again[name][key] for key in fresh} == fresh


def test_a_copy_shares_its_place_and_the_baselines_are_always_there(standings: list[Standing]) -> None:
    for one in standings:
        places = {place.system: place for place in one.compared.places()}
        assert set(BASELINES.values()) <= {entry.system for entry in one.entries}
        assert set(places["one"].letters) & set(places["copy"].letters)
        assert (
            one.score == {"pairs": "cosine_spearman", "labels": "cosine_ap", "search": "cosine_ndcg@10"}[one.benchmark]
        )
        again = all_pairs(one.observed, one.resampled)
        assert [entry.system for entry in one.entries] == [*again.systems, *again.undefined]


def test_what_was_scored_is_scored_again_only_if_system_prompts_or_benchmark_changed(
    board: Board, read: dict[str, Used], score: Callable[..., Scored], loaded: list[str], tmp_path: Path
) -> None:
    assert score("one").fresh == 3
    before = {path: path.read_bytes() for path in (tmp_path / "predictions").rglob("*.parquet")}
    assert sorted(path.parent.name for path in before) == sorted(board.benchmarks)
    again = score("one")
    assert (again.fresh, loaded) == (0, ["one"])
    assert again.timed["pairs"]["sentences"] == len(set(read["pairs"].evaluator.texts))
    # another benchmark alone
    changed = {**read, "pairs": replace(read["pairs"], digest="another")}
    assert score("one", used=changed).fresh == 1
    # other files
    (tmp_path / "one.txt").write_text("other weights")
    assert score("one").fresh == 3
    # other prompts, which the vectors show
    usage = Listed(path="one", prompts=Prompts(query="query: ", document="", default="query"))
    prompted = score("one", usage)
    assert prompted.fresh == 3
    assert (prompted.outcomes["pairs"]["cosine"] != again.outcomes["pairs"]["cosine"]).any()
    # half a file is no file
    path = tmp_path / "predictions" / "pairs" / "one.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert score("one", usage).fresh == 1
    # and the same bytes each time
    (tmp_path / "one.txt").write_text("one")
    assert score("one").fresh == 3
    assert before == {path: path.read_bytes() for path in before}


def test_a_pinned_system_needs_no_hub_once_it_is_scored(
    score: Callable[..., Scored], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Listed(hub="owner/name", revision="ab" * 20)
    monkeypatch.setattr(scoring, "load_system", lambda where, _: Numbers(4))
    assert score("pinned", listed).fresh == 3

    def refused(where: str, _: str) -> Numbers:
        raise ModelError(f"{where}: the hub cannot be asked")

    monkeypatch.setattr(scoring, "load_system", refused)
    assert score("pinned", listed).fresh == 0
    other = score("pinned", replace(listed, revision="cd" * 20))
    assert other.reason == f"owner/name@{'cd' * 20}: the hub cannot be asked"


def test_what_cannot_be_had_is_a_row_with_its_reason(
    board: Board, read: dict[str, Used], score: Callable[..., Scored], standings: list[Standing], tmp_path: Path
) -> None:
    gone = score("gone", Listed(path="nowhere"))
    assert (gone.outcomes, gone.reason) == ({}, "nowhere: not there")
    few = replace(board, benchmarks={**board.benchmarks, "pairs": replace(board.benchmarks["pairs"], rows=61)})
    told: list[str] = []
    found, missing = boards.read_benchmarks(few, tmp_path / "raw", mirror=None, progress=False, tell=told.append)
    assert list(found) == ["labels", "search"]
    assert [one.name for one in missing] == ["pairs"]
    assert "60 rows" in missing[0].reason and "expected 61" in missing[0].reason
    assert told[0].startswith("pairs: left out: ")
    left = [Unread("gone", "nowhere: not there"), *missing]
    table = boards.records(standings, left, board).to_pylist()
    assert [(row["system"], row["benchmark"]) for row in table if row["reason"]] == [("gone", None), (None, "pairs")]


def test_tables_and_page_hold_what_was_found(
    board: Board, score: Callable[..., Scored], standings: list[Standing], tmp_path: Path
) -> None:
    known = replace(board.systems["one"], overlap={"pairs": "its authors trained on them"}, parameters=22.7)
    board = replace(board, systems={**board.systems, "one": known})
    every = [boards.mean(standings, board), *standings]
    scored, left = [score(name) for name in MADE], [Unread("gone", "nowhere: not <there>")]
    text, page = (made(every, scored, left, board) for made in (boards.markdown, render_board))
    table = boards.records(every, left, board)
    for one in every:
        for entry in one.entries:
            [row] = [
                row
                for row in table.to_pylist()
                if (row["benchmark"], row["system"], row["figure"]) == (one.benchmark, entry.system, one.score)
            ]
            assert entry.place is not None
            assert (row["groups"], row["rank"], row["value"]) == (
                entry.place.letters,
                entry.place.rank,
                entry.figures[one.score],
            )
            assert f"{row['value']:.4f}" in text
            assert f"{row['value']:.4f}" in page
    for words in ("its authors trained on them", "Mean over 3 benchmarks", "22.7"):
        assert words in text
        assert words in page
    assert "nowhere: not &#60;there>" in text
    assert "nowhere: not &lt;there&gt;" in page
    pairs = boards.comparisons(every)
    assert len(pairs) == 4 * 15
    assert text == boards.markdown(every, scored, left, board)


def test_the_mean_is_of_the_main_scores_of_all_benchmarks(board: Board, standings: list[Standing]) -> None:
    found = boards.mean(standings, board)
    for entry in found.entries:
        values = [each.figures[one.score] for one in standings for each in one.entries if each.system == entry.system]
        assert entry.figures["mean"] == pytest.approx(np.mean([value for value in values if value is not None]))
        low, high = entry.intervals["mean"]
        assert low < entry.figures["mean"] < high
    assert found.units == 3


def test_stored_outcomes_are_a_row_per_unit_with_what_they_were_made_from(
    read: dict[str, Used], score: Callable[..., Scored], tmp_path: Path
) -> None:
    score("one")
    table = pq.read_table(tmp_path / "predictions" / "search" / "one.parquet")
    assert isinstance(table, pa.Table)
    assert len(table) == 60
    key = json.loads(table.schema.metadata[b"board"])
    assert key["benchmark"] == read["search"].digest
    assert set(key) == {"system", "prompts", "benchmark", "packages"}
