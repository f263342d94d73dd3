"""docs/settings.md is the schema: every key of params.yaml, with what it takes and what it changes."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from reference import PAGE, default, worded
from reference import main as write_reference

from terna.settings import Settings


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / PAGE).read_text(encoding="utf-8")


def leaves(settings: Any, prefix: str = "") -> list[str]:
    """The dotted keys of plain values; groups of corpora and benchmarks are by name."""
    if not isinstance(settings, dict) or not settings:
        return [prefix]
    return [key for name, inner in settings.items() for key in leaves(inner, f"{prefix}.{name}" if prefix else name)]


def test_the_page_is_written_from_the_schema(
    root: Path, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root / "conf", tmp_path / "conf")
    shutil.copy(root / "dvc.yaml", tmp_path)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "pipelines" / "reference.py")])
    write_reference()
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == page


def test_every_key_of_params_yaml_is_on_it(root: Path, page: str) -> None:
    told = set(re.findall(r"^\| `([\w.\[\]]+)` ", page, re.MULTILINE))
    settings = yaml.safe_load((root / "params.yaml").read_text())
    named = [re.sub(r"^(corpora|parallel|evaluate\.benchmarks)\.[^.]+", r"\1.NAME", key) for key in leaves(settings)]
    known = {part for key in told for part in (key, key.split("[]")[0])}
    # of a mapping with free keys, such as columns, the key itself
    assert not [key for key in named if key not in known and key.rpartition(".")[0] not in known]


@pytest.mark.parametrize(
    ("key", "again"),
    [
        ("train.lr", "train"),
        ("model.pooling", "tokens, teacher, train, evaluate"),
        ("corpora.NAME.files", "local, fetch, translate"),
        ("evaluate.select_on", "train, evaluate"),
        ("machine.workers", "nothing"),
        ("logger.wandb", "nothing"),
    ],
)
def test_a_key_names_the_stages_whose_params_in_dvc_yaml_hold_it(page: str, key: str, again: str) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(key)}` .*\| ([^|]+) \|$", page, re.MULTILINE)
    assert row == again


def test_types_and_defaults_are_told_in_words() -> None:
    hints = Settings.__annotations__
    assert worded(hints["seed"]) == "whole number, at least 0, below 4294967296"
    assert worded(list[int] | None) == "list of: whole number or `null`"
    assert default({"a": {"b": None}}, "a.b") == "`null`"
    assert default({"a": None}, "a.b") == "–"
    assert default({"a": {}}, "a") == "empty"
