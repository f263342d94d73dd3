"""The space of a search and what is proposed in it."""

import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from composed import compose_once, small

from terna.errors import SettingsError
from terna.metrics.standings import Standing
from terna.running.search import (
    Choice,
    Finals,
    Range,
    Trial,
    allow,
    best_of,
    combined,
    distinct_starts,
    finalists,
    markdown,
    parse,
    propose,
)
from terna.settings import compose, load

pytest.importorskip("optuna")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("train.batch_size=32,64", Choice("train.batch_size", ("32", "64"))),
        ("train.batch_size=choice(32,64)", Choice("train.batch_size", ("32", "64"))),
        ("train.epochs=range(1,4)", Choice("train.epochs", ("1", "2", "3"))),
        (
            "train.lora={rank:8,alpha:16,dropout:0.1},null",
            Choice("train.lora", ("{rank:8,alpha:16,dropout:0.1}", "null")),
        ),
        ("train.lr=log(1e-5,1e-4)", Range("train.lr", 1e-5, 1e-4, True, False)),
        ("train.lr=tag(log,interval(1e-5,1e-4))", Range("train.lr", 1e-5, 1e-4, True, False)),
        ("train.warmup=0.0:0.2", Range("train.warmup", 0.0, 0.2, False, False)),
        ("train.warmup=0:1", Range("train.warmup", 0.0, 1.0, False, False)),
        ("train.epochs=1:4", Range("train.epochs", 1, 4, False, True)),
        ("train.score_every=log(8,64)", Range("train.score_every", 8, 64, True, True)),
        ("train.ema=0.5:0.9", Range("train.ema", 0.5, 0.9, False, False)),
        ("train.weights.stsb-es=0:2", Range("train.weights.stsb-es", 0.0, 2.0, False, False)),
        ("train.lora.rank=2:8", Range("train.lora.rank", 2, 8, False, True)),
        ("train.guide.margin=0:1", Range("train.guide.margin", 0.0, 1.0, False, False)),
    ],
)
def test_a_word_means_what_hydra_means_by_it(word: str, meant: Choice | Range) -> None:
    other = Choice("train.scale", ("1", "2"))
    assert parse([word, "train.scale=1,2"]) == [meant, other]


@pytest.mark.parametrize(
    ("experiment", "words", "fault"),
    [
        ("es_mini", ["train.after=null", "train.soup=2"], None),
        ("sample", ["train.soup=2", "train.patience=1"], r"train\.soup: patience"),
        ("sample", ["train.patience=1", "train.soup=2,null"], r"train\.soup: patience"),
    ],
)
def test_values_are_checked_with_what_is_fixed_beside_them(
    root: Path, experiment: str, words: list[str], fault: str | None
) -> None:
    with pytest.raises(SettingsError, match=fault) if fault else nullcontext():
        for together in combined(parse([*words, "train.lr=1e-3,1e-4"])):
            load(compose(root / "conf", [f"experiment={experiment}", *together]))


@pytest.mark.parametrize(
    ("overrides", "word", "fault"),
    [
        ((), "model.pooling=mean,cls", None),
        ((), "model.pooling=mean,null", r"model\.pooling: null takes the prompt of the start too"),
        (("experiment=e5_small",), "model.pooling=mean,cls", r"model\.pooling: null takes"),
        (("train.guide={encoder: some/model}",), "model.pooling=mean,cls", r"model\.pooling: the stage teacher"),
        (("experiment=es_mini",), "model.pooling=mean,cls", r"model\.pooling: the stage teacher"),
        (("experiment=es_mini",), "train.distill.teacher=a,b", r"train\.distill\.teacher: a search is over"),
    ],
)
def test_what_earlier_stages_read_is_in_no_space(
    root: Path, overrides: tuple[str, ...], word: str, fault: str | None
) -> None:
    settings = compose_once(root, small(overrides))
    with pytest.raises(SettingsError, match=fault) if fault else nullcontext():
        allow(settings, parse([word]))


SPACE = parse(["train.lr=log(1e-6,1e-2)", "train.epochs=1:4", "train.batch_size=32,64"])


def run_on(score: object, count: int, seed: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        words = propose(SPACE, trials, seed)
        values = {word.split("=")[0]: float(word.split("=")[1]) for word in words}
        trials.append(Trial(number, words, score(values), number, None))
    return trials


def peak(values: dict[str, float]) -> float:
    """Best, 0, at a rate of 1e-4 and batches of 64."""
    return -((math.log10(values["train.lr"]) + 4) ** 2) - (values["train.batch_size"] == 32)


def test_what_is_proposed_depends_on_the_seed_and_the_trials_before_it_alone() -> None:
    first = run_on(peak, 14, seed=1)
    assert run_on(peak, 14, seed=1) == first
    assert propose(SPACE, first[:12], 1) == first[12].words
    assert run_on(peak, 3, seed=2) != first[:3]
    assert propose(SPACE, [Trial(0, first[0].words, None, None, "ended")], 1) == first[1].words


def test_proposals_lie_within_the_space_and_come_near_the_best() -> None:
    trials = run_on(peak, 40, seed=3)
    for one in trials:
        lr, epochs, batch = (word.split("=")[1] for word in one.words)
        assert 1e-6 <= float(lr) <= 1e-2
        assert epochs in {"1", "2", "3", "4"}
        assert batch in {"32", "64"}
    later = [one.score for one in trials[20:]]
    earlier = [one.score for one in trials[:10]]
    assert sum(later) / 20 > sum(earlier) / 10
    assert max(later) > -0.05


def test_the_table_has_the_best_first_the_earlier_of_equals_and_why_others_failed() -> None:
    words = [["train.lr=0.1"], ["train.lr=0.2"], ["train.lr=0.3"], ["train.lr=0.4"]]
    scores = [(0.5, None), (None, "ModelError: no"), (0.7, None), (0.7, None)]
    trials = [Trial(n, w, s, 10, f) for n, (w, (s, f)) in enumerate(zip(words, scores, strict=True))]
    table = markdown("lr-abc", "dev cosine_pearson", trials)
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows == ["2", "3", "0", "1"]
    assert "`-S 'train.lr=0.3'`" in table
    assert "Trial 1 failed: ModelError: no" in table
    assert best_of(trials) == trials[2]
    assert best_of([trials[1]]) is None


def test_finalists_are_the_best_trials_of_different_settings_and_none_that_failed() -> None:
    words = [["a=1"], ["a=2"], ["a=1"], ["a=3"], ["a=4"]]
    scores = [0.7, 0.8, 0.7, None, 0.6]
    trials = [Trial(n, w, s, 10, None if s else "no") for n, (w, s) in enumerate(zip(words, scores, strict=True))]
    assert [one.number for one in finalists(trials, 3)] == [1, 0, 4]
    assert [one.number for one in finalists(trials, 9)] == [1, 0, 4]
    assert finalists(trials, 0) == []


def test_the_start_that_all_share_is_one_row_and_others_are_named_after_their_trial() -> None:
    one, other = [np.array([0.1, 0.2]), np.array([0.3, 0.4])], [np.array([0.1, 0.2]), np.array([0.3, 0.5])]
    rounded = [run + 1e-7 for run in one]
    assert list(distinct_starts({"trial 4": one, "trial 2": rounded})) == ["the start"]
    found = distinct_starts({"trial 4": one, "trial 2": rounded, "trial 7": other})
    assert list(found) == ["the start of trial 4", "the start of trial 7"]
    assert found["the start of trial 7"] is other


def test_starts_are_told_apart_by_their_scores_and_not_by_thresholds_that_rounding_moves() -> None:
    scores = np.random.default_rng(2).uniform(size=(2, 9))
    first, rounded = (
        [np.column_stack([one + noise, np.full((9, 2), threshold)]) for one in scores]
        for noise, threshold in ((0.0, 0.2), (1e-7, 0.7))
    )
    assert list(distinct_starts({"trial 4": first, "trial 2": rounded})) == ["the start"]
    assert len(distinct_starts({"trial 4": first, "trial 2": [one + 0.1 for one in first]})) == 2


BEST = Standing("trial 4", [0.8, 0.82], 0.81, 0.0, 0.0, 0.0)
CLOSE = Standing("trial 2", [0.8, 0.81], 0.805, 0.005, -0.004, 0.012)
BEHIND = Standing("the start", [0.7, 0.7], 0.7, 0.11, 0.09, 0.13)


def test_the_finals_say_what_is_tied_and_what_the_benchmark_can_show() -> None:
    found = Finals([1, 2], [BEST, CLOSE, BEHIND], {"trial 9": "seed 2: ModelError: no"})
    assert found.sentence() == (
        "best: trial 4, 0.8100 in the mean over seeds 1, 2; tied: trial 2; the smallest "
        "difference that can be shown is about 0.0200 (80 % power)"
    )
    lines = found.markdown("dev cosine_pearson").splitlines()
    assert lines[2] == "|  | mean | seed 1 | seed 2 | below the best | 95 % interval |  |"
    assert lines[4] == "| trial 4 | 0.8100 | 0.8000 | 0.8200 | – | – | best |"
    assert lines[5] == "| trial 2 | 0.8050 | 0.8000 | 0.8100 | 0.0050 | -0.0040 to 0.0120 | tied |"
    assert lines[6] == "| the start | 0.7000 | 0.7000 | 0.7000 | 0.1100 | 0.0900 to 0.1300 |  |"
    assert lines[-1] == "trial 9 failed: seed 2: ModelError: no"
    assert found.record()["tied"] == ["trial 2"]


def test_finals_whose_start_is_tied_or_the_best_say_that_no_trial_beats_it() -> None:
    near = Standing("the start", [0.8, 0.8], 0.8, 0.01, -0.001, 0.02)
    assert Finals([1, 2], [BEST, near], {}).sentence().endswith("; no trial is shown to beat the start")
    first = Standing("the start", [0.8, 0.82], 0.81, 0.0, 0.0, 0.0)
    same = Standing("trial 4", [0.8, 0.82], 0.81, 0.0, 0.0, 0.0)
    told = Finals([1, 2], [first, same], {}).sentence()
    assert told == (
        "best: the start, 0.8100 in the mean over seeds 1, 2; tied: trial 4; no trial is shown to beat the start"
    )


def test_finals_without_a_finalist_that_came_to_its_end_say_so() -> None:
    found = Finals([1], [], {"trial 0": "seed 1: ModelError: no"})
    assert found.sentence() == "no finalist came to its end"
    assert "| mean |" not in found.markdown("dev cosine_pearson")
