"""The space of a search and what is proposed in it."""

import math

import pytest

from terna.running.search import Choice, Range, Trial, best_of, markdown, parse, propose

pytest.importorskip("optuna")

SETTINGS = {"train": {"lr": 0.001, "epochs": 3, "score_every": None, "warmup": 0.1, "batch_size": 32}}


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
    ],
)
def test_a_word_means_what_hydra_means_by_it(word: str, meant: Choice | Range) -> None:
    other = Choice("train.scale", ("1", "2"))
    assert parse([word, "train.scale=1,2"], SETTINGS) == [meant, other]


SPACE = parse(["train.lr=log(1e-6,1e-2)", "train.epochs=1:4", "train.batch_size=32,64"], SETTINGS)


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
