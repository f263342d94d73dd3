"""How runs spread: the textbook's mean and standard deviation, in the order of the seeds, nothing hidden."""

import numpy as np
import pytest

from terna.evaluation.seeds import Run, markdown, spread

VALUES = {7: 0.5, 3: 0.53, 5: 0.44}


def runs_of(values: dict[int, float | None]) -> list[Run]:
    return [
        Run(seed, f"sample-abc-seed-{seed}", {"dev": {"cosine_pearson": value, "cosine_spearman": 0.25}})
        for seed, value in values.items()
    ]


def test_the_spread_is_numpys() -> None:
    found = spread(runs_of(dict(VALUES)))["dev"]["cosine_pearson"]
    values = list(VALUES.values())
    assert found["runs"] == values
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (found["min"], found["max"]) == (0.44, 0.53)


def test_the_table_has_the_runs_in_the_order_of_the_seeds_with_their_experiments() -> None:
    lines = markdown(runs_of(dict(VALUES)), {9: "DataError: it diverged"}).splitlines()
    assert lines[0] == "**dev** (3 runs)"
    assert lines[2] == "| | mean | standard deviation | min to max | seed 7 | seed 3 | seed 5 |"
    assert lines[4] == "| cosine_pearson | 0.4900 | 0.0458 | 0.4400 to 0.5300 | 0.5000 | 0.5300 | 0.4400 |"
    assert lines[-3] == (
        "Experiments: seed 7 `sample-abc-seed-7`, seed 3 `sample-abc-seed-3`, seed 5 `sample-abc-seed-5`."
    )
    assert lines[-1] == "Seed 9 failed: DataError: it diverged"


def test_one_run_has_no_standard_deviation_and_an_undefined_figure_no_mean() -> None:
    assert spread(runs_of({1: 0.5}))["dev"]["cosine_pearson"]["sd"] is None
    found = spread(runs_of({1: 0.5, 2: None}))["dev"]["cosine_pearson"]
    assert found == {"mean": None, "sd": None, "min": None, "max": None, "runs": [0.5, None]}
    assert markdown([], {1: "no data"}) == "Seed 1 failed: no data\n"
