"""The house itself: params.yaml is conf/ composed, the graph names what its scripts reach, every option composes."""

import ast
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from compose import write as write_params
from composed import small

from terna.errors import SettingsError
from terna.settings import Settings, compose, load
from terna.settings.board import load_board

LEARNT = ["parallel=esxnli"]
CHOICES = (
    "corpora",
    "parallel",
    "translate",
    "triplets",
    "mine",
    "model",
    "train",
    "evaluate",
    "logger",
    "machine",
    "experiment",
    "debug",
)
# declared there, and chosen through conf/evaluate/ and conf/board.yaml
GROUPS = (*CHOICES, "benchmarks", "systems")


def options(root: Path) -> Iterator[tuple[str, str]]:
    for group in CHOICES:
        for file in sorted((root / "conf" / group).glob("*.yaml")):
            yield group, file.stem


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"group", "option"} <= set(metafunc.fixturenames):
        metafunc.parametrize(("group", "option"), list(options(Path(__file__).resolve().parents[2])))


def test_every_group_of_conf_is_known_here(root: Path) -> None:
    assert sorted(path.name for path in (root / "conf").iterdir() if path.is_dir()) == sorted(GROUPS)


def test_the_defaults_list_has_one_choice_of_each_group_but_the_benchmarks(root: Path) -> None:
    defaults = yaml.safe_load((root / "conf" / "config.yaml").read_text())["defaults"]
    assert tuple(group for entry in defaults if isinstance(entry, dict) for group in entry) == CHOICES


def test_every_benchmark_is_scored_by_a_choice_of_evaluate_or_the_board_and_is_no_choice_itself(root: Path) -> None:
    files = sorted((root / "conf" / "benchmarks").glob("*.yaml"))
    declared = {name: each for file in files for name, each in yaml.safe_load(file.read_text()).items()}
    scored: dict[str, Any] = dict(compose(root / "conf", [], "board")["benchmarks"])
    for group, option in options(root):
        if group == "evaluate":
            scored |= compose(root / "conf", [f"evaluate={option}"])["evaluate"]["benchmarks"]
    assert set(declared) == set(scored)
    for name, each in declared.items():
        # one may refer to another's, and a choice of evaluate may set another shape
        written = {key: value for key, value in each.items() if "${" not in str(value) and key != "shape"}
        assert written == {key: scored[name][key] for key in written}
    with pytest.raises(SettingsError, match="benchmarks: unknown key"):
        load(compose(root / "conf", [f"+benchmarks={files[-1].stem}"]))


def test_every_system_is_on_the_board_and_overlaps_with_benchmarks_that_are(root: Path) -> None:
    board = load_board(compose(root / "conf", [], "board"))
    files = sorted((root / "conf" / "systems").glob("*.yaml"))
    assert sorted(board.systems) == sorted(path.stem.replace("_", "-") for path in files)
    assert len(board.systems) >= 25
    assert {name for one in board.systems.values() for name in one.overlap} <= set(board.benchmarks)
    for name, one in board.systems.items():
        assert one.path or one.revision or "commit is not known" in (one.remark or ""), name


def test_every_option_composes_and_is_sound(root: Path, group: str, option: str) -> None:
    # a mix with English rows is sound only with what translates them, new words only with what they are learnt from, a
    # student only with a start that can teach it and, with an order, scored pairs
    student = [*LEARNT, "corpora=all_es", "model=e5_small"]
    needed = {"corpora": ["translate=opus_mt"], "model": LEARNT, "train": student}.get(group, [])
    load(compose(root / "conf", small([f"{group}={option}", *needed])))


def test_params_yaml_is_conf_composed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "conf").symlink_to(root / "conf")
    write_params(tmp_path, [])
    assert (tmp_path / "params.yaml").read_text() == (root / "params.yaml").read_text(), "run `make params`"


def test_params_yaml_holds_every_setting_so_that_each_can_be_overridden_and_is_tracked(root: Path) -> None:
    composed = compose(root / "conf", [])
    for group, hint in get_type_hints(Settings).items():
        if is_dataclass(hint):
            assert set(composed[group]) == {field.name for field in fields(hint)}, group


def test_no_interpolation_that_dvc_cannot_resolve_stands_in_conf(root: Path) -> None:
    for file in sorted((root / "conf").rglob("*.yaml")):
        for word in ("${hydra:", "${now:", "${oc.env:"):
            assert word not in file.read_text(), f"{file}: {word}"


@pytest.fixture(scope="session")
def graph(root: Path) -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return stages


def test_each_stage_depends_on_its_script_and_on_the_rooms_that_the_script_reaches_and_no_other(
    root: Path, graph: dict[str, Any]
) -> None:
    for name, stage in graph.items():
        script = stage["cmd"].split()[1]
        declared = {dep: {str(path) for path in _files(root, dep)} for dep in stage["deps"]}
        reached = {str(path.relative_to(root)) for path in _reached(root, root / script)}
        assert script in declared, name
        missing = reached.difference(*declared.values())
        assert not missing, f"{name}: add the rooms of {sorted(missing)} to its deps"
        unused = [dep for dep, files in declared.items() if dep.startswith("src/") and not files & reached]
        assert not unused, f"{name}: {unused} are not reached by its script"


def test_what_a_script_reaches_is_found_in_every_form_of_import_and_is_apart_by_its_room_alone(tmp_path: Path) -> None:
    terna = tmp_path / "src" / "terna"
    sources = {
        "data/planted.py": "def late():\n    from terna.data import errors",
        "data/errors.py": "import numpy, terna.evaluation.table as table",
        "evaluation/table.py": "import terna",
        "tracking/loggers.py": "from terna.evaluation import seeds",
        "evaluation/seeds.py": "",
        "errors.py": "",
    }
    for place, text in sources.items():
        (terna / place).parent.mkdir(parents=True, exist_ok=True)
        (terna / place).parent.joinpath("__init__.py").touch()
        (terna / place).write_text(text)
    script = tmp_path / "script.py"
    script.write_text("import terna.data.planted\nfrom terna.tracking import loggers\nfrom terna import errors\n")
    found = {str(path.relative_to(terna)) for path in _reached(tmp_path, script)}
    assert found == {"data/planted.py", "data/errors.py", "evaluation/table.py"}


ROOMS = [
    "settings",
    "data",
    "encoder",
    "systems",
    "metrics",
    "training",
    "tracking",
    "evaluation",
    "release",
    "serving",
    "running",
]
GROUND = ["__init__", "__main__", "errors", "records", "sentences", "arrays", "markdown", "provenance"]


def test_the_library_is_eleven_rooms_and_their_ground_files(root: Path) -> None:
    found = [path for path in (root / "src" / "terna").iterdir() if path.name != "__pycache__"]
    assert sorted(path.name for path in found if path.is_dir()) == sorted(ROOMS)
    assert sorted(path.stem for path in found if path.suffix == ".py") == sorted(GROUND)


def test_every_room_has_its_tests_beside_the_house_the_scripts_and_the_benchmarks(root: Path) -> None:
    folders = [path.name for path in (root / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(folders) == sorted([*ROOMS, "benchmarks", "helpers", "house", "pipelines"])


PLANTED = {
    "evaluation/table.py": "import pytorch_lightning",
    "release/hub/checks.py": "import jinja2",
    "release/card/document.py": "import markupsafe",
    "data/triplets.py": "import sentence_transformers",
    "encoder/head.py": "from terna.training import losses",
    "serving/planted.py": "import matplotlib.pyplot",
    "training/parts/planted.py": "def late():\n    from terna.systems import load_system",
    "attic/__init__.py": "",  # a room on no floor
}


@pytest.mark.parametrize("place", PLANTED)
def test_an_import_where_it_may_not_be_breaks_a_contract(root: Path, tmp_path: Path, place: str) -> None:
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    file = tmp_path / "src" / "terna" / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{file.read_text() if file.exists() else ''}\n{PLANTED[place]}\n")
    done = subprocess.run(lint, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, "1 broken" in done.stdout) == (1, True), done.stdout
    room = place.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
    assert f"terna.{room}" in done.stdout


def test_where_it_runs_and_where_it_is_logged_are_in_no_stage(graph: dict[str, Any]) -> None:
    named = set(itertools.chain.from_iterable(stage.get("params", []) for stage in graph.values()))
    assert not {param for param in named if param.startswith(("machine", "logger"))}


def test_what_training_depends_on_writes_no_table_so_that_other_words_retrain_nothing(
    root: Path, graph: dict[str, Any]
) -> None:
    code = [file for dep in graph["train"]["deps"] if dep.startswith("src/") for file in _files(root, dep)]
    markdown = root / "src" / "terna" / "markdown.py"
    assert not [str(file) for file in code if markdown in _imported(root, root / file)]


def test_the_test_benchmark_is_out_of_reach_of_training(graph: dict[str, Any]) -> None:
    assert [dep for dep in graph["train"]["deps"] if "sts" in dep] == ["data/raw/sts/${evaluate.select_on}"]
    assert not [param for param in graph["train"]["params"] if param in ("evaluate", "evaluate.benchmarks")]


# What cannot change a stage's result: how a stage starts, what an error says, the schema (values are params).
APART = ("running", "errors", "settings", "tracking")


def _files(root: Path, dep: str) -> list[Path]:
    path = root / dep
    inside = sorted(path.rglob("*.py")) if dep.startswith("src/") and path.is_dir() else [path]
    return [file.relative_to(root) for file in inside]


def _reached(root: Path, script: Path) -> set[Path]:
    """The files of terna that a script imports, at any depth, anywhere in its code."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for file in _imported(root, waiting.pop()):
            room = file.relative_to(root / "src" / "terna").parts[0].removesuffix(".py")
            if file not in found and room not in APART:
                found.add(file)
                waiting.append(file)
    return found


def _imported(root: Path, file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(root, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _module(root, node.module)
            for alias in node.names:
                yield from _module(root, f"{node.module}.{alias.name}")


def _module(root: Path, name: str) -> Iterator[Path]:
    path = root / "src" / Path(*name.split("."))
    if not name.startswith("terna."):
        return
    if path.is_dir():
        # a face without names has nothing that could change a result
        if len(ast.parse((path / "__init__.py").read_text()).body) > 1:
            yield path / "__init__.py"
    elif path.with_suffix(".py").is_file():
        yield path.with_suffix(".py")
