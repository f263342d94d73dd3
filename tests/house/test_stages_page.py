"""docs/stages.md says of each stage what dvc.yaml says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from documented import section

CODE = ("src/", "pipelines/")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "stages.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def graph(root: Path) -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return stages


def test_each_stage_has_its_section_in_the_order_of_the_graph(page: str, graph: dict[str, Any]) -> None:
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(graph)


def test_settings_and_outputs_are_those_of_the_graph(page: str, graph: dict[str, Any]) -> None:
    for name, stage in graph.items():
        assert row(page, name, "settings") == {plain(param) for param in stage["params"]}, name
        assert row(page, name, "writes") == {
            plain(path_of(out)) for kind in ("outs", "metrics") for out in stage.get(kind, [])
        }, name


def test_what_a_stage_reads_is_what_it_depends_on_besides_code(page: str, graph: dict[str, Any]) -> None:
    for name, stage in graph.items():
        told = row(page, name, "reads") - {"TERNA_MIRROR", "evaluate.select_on"}
        assert told == {plain(dep) for dep in stage["deps"] if not dep.startswith(CODE)}, name


def test_the_command_that_runs_a_stage_alone_is_the_graph_s_script(page: str, graph: dict[str, Any]) -> None:
    for name, stage in graph.items():
        [command] = row(page, name, "alone")
        assert command.split()[:2] == stage["cmd"].split()[:2], name


def row(page: str, stage: str, name: str) -> set[str]:
    """What is in code in a row of a stage's table."""
    [line] = re.findall(rf"^\| {name} \| (.*) \|$", section(page, stage), re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", line))


def plain(text: str) -> str:
    return re.sub(r"\$\{[\w.]+\}", "NAME", text)


def path_of(out: str | dict[str, Any]) -> str:
    return out if isinstance(out, str) else next(iter(out))
