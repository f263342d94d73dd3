"""The table of experiments: never more than 12 columns, the best first, and what found no room is named."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc_project import DVC, committed
from table import MOST, Run, table

from terna.settings.differing import different

BENCHMARKS = {"dev": {"role": "development"}, "other": {"role": "development"}, "test": {"role": "test"}}


def run(name: str, score: float | None, settings: dict[str, Any] | None = None, extra: int = 0) -> Run:
    training = {} if score is None else {"selected_score": score, "gain_over_start": {"difference": 0.01}}
    scores = {one: {"cosine_pearson": 0.5, "cosine_spearman": 0.6} for one in ("dev", "other", "test")}
    scores |= {f"more{number}": {"cosine_ap": 0.7} for number in range(extra)}
    evaluate = {"benchmarks": BENCHMARKS, "select_on": "dev", "main_score": "cosine_spearman"}
    return Run(name, "now", {"evaluate": evaluate, **(settings or {})}, training, {} if score is None else scores)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its dotted key."""
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key, inner in value.items() for k, v in flat(inner, f"{path}.{key}".strip(".")).items()}


@pytest.mark.parametrize(("settings", "benchmarks"), [(40, 9), (40, 0), (0, 20), (3, 20), (1, 1), (6, 2), (7, 3)])
def test_there_are_12_columns_at_most_and_what_found_no_room_is_named(settings: int, benchmarks: int) -> None:
    kinds = ({"train": {f"k{i}": i + n for i in range(settings)}, "machine": {"workers": n}} for n in range(3))
    found = [run(str(n), n / 10, kind, benchmarks) for n, kind in enumerate(kinds)]
    header, rows, left_out = table(found)
    assert len(header) <= MOST == 12
    assert all(len(row) == len(header) for row in rows)
    keys = {f"train.k{i}" for i in range(settings)}
    names = {"other", "test", *(f"more{number}" for number in range(benchmarks))}
    assert set(header) - {"experiment", "development", "gain", "when"} | set(left_out) == keys | names
    assert not left_out or len(header) == MOST
    assert min(settings, 4) <= len(keys & set(header))
    assert "test" in header


def test_the_best_comes_first_and_a_run_without_a_score_last() -> None:
    header, rows, _ = table([run("none", None), run("low", 0.1), run("high", 0.25)])
    assert header == ["experiment", "development", "gain", "test", "other", "when"]
    assert rows == [
        ["high", "0.2500", "0.0100", "0.6000", "0.6000", "now"],
        ["low", "0.1000", "0.0100", "0.6000", "0.6000", "now"],
        ["none", "–", "–", "–", "–", "now"],
    ]


def test_what_differs_is_what_a_comparison_leaf_by_leaf_finds() -> None:
    one = {"a": {"b": 1, "c": {"d": 2}}, "e": [1], "f": None, "machine": {"x": 1}, "g": {"same": 1}}
    other = {"a": {"b": 1, "c": {"d": 3}}, "e": [2], "f": {"h": 1}, "machine": {"x": 2}, "g": {"same": 1}}
    found = list(different([one, other]))
    assert found == ["a.c.d", "e", "f", "machine.x"]
    leaves = {key for key in flat(one).keys() | flat(other).keys() if flat(one).get(key) != flat(other).get(key)}
    assert {key.split(".")[0] for key in leaves} == {key.split(".")[0] for key in found}
    assert list(different([one, one])) == []


@pytest.mark.slow
def test_the_experiments_of_a_real_project_are_there(root: Path, tmp_path: Path) -> None:
    metrics = {"metrics/train.json": {"selected_score": 0.25}, "metrics/scores.json": {"t": {"cosine_pearson": 0.75}}}
    graph = yaml.safe_dump({"params": ["params.yaml"], "metrics": list(metrics)})
    files = {name: json.dumps(content) for name, content in metrics.items()}
    files |= {"dvc.yaml": graph, "params.yaml": "train: {lr: 0.5}\n"}
    call = committed(root, tmp_path, "table.py", files)
    (tmp_path / "params.yaml").write_text("train: {lr: 0.125}\n")
    (tmp_path / "metrics" / "train.json").write_text(json.dumps({"selected_score": 0.5}))
    call(*DVC, "exp", "save", "--name", "faint-holy")
    told = call(sys.executable, "pipelines/table.py").splitlines()
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-2]] for line in told if (cells := line.split("|"))[1:]}
    assert rows["experiment"] == ["development", "gain", "t", "train.lr"]
    assert rows["faint-holy"] == rows["workspace"] == ["0.5000", "–", "0.7500", "0.125"]
    assert rows["main"] == ["0.2500", "–", "0.7500", "0.5"]
