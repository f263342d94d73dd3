"""The Dockerfile is true to the project: its Python, what it copies, what it pins, what it runs and as whom."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from documented import blocks
from packaging.specifiers import SpecifierSet

from terna.serving.cli.arguments import parser


@pytest.fixture(scope="module")
def steps(root: Path) -> list[tuple[str, str]]:
    """The instructions and what follows them, in order."""
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def of(steps: list[tuple[str, str]], kind: str) -> list[str]:
    return [rest for name, rest in steps if name == kind]


def copied(steps: list[tuple[str, str]]) -> list[str]:
    return [source for rest in of(steps, "COPY") for source in shlex.split(rest)[:-1]]


def test_its_python_is_one_that_the_project_takes(root: Path, steps: list[tuple[str, str]]) -> None:
    [version] = [rest.removeprefix("PYTHON=") for rest in of(steps, "ARG") if rest.startswith("PYTHON=")]
    assert of(steps, "FROM") == ["python:${PYTHON}-slim"]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert f"{version}.0" in SpecifierSet(project["requires-python"])


def test_what_it_copies_is_there_let_through_and_all_that_a_wheel_needs(
    root: Path, steps: list[tuple[str, str]]
) -> None:
    sources = copied(steps)
    assert all((root / source).exists() for source in sources)
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(sources)
    described = tomllib.loads((root / "pyproject.toml").read_text())
    packages = described["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    named = [described["project"]["readme"], *described["project"]["license-files"]]
    assert {"pyproject.toml", *named, *(each.split("/")[0] for each in packages)} <= {*sources}


def test_versions_are_the_locks(root: Path, steps: list[tuple[str, str]]) -> None:
    torch, rest = of(steps, "RUN")
    [pattern] = re.findall(r"grep '([^']+)' requirements\.lock", torch)
    lock = (root / "requirements.lock").read_text()
    assert len(re.findall(pattern, lock, flags=re.MULTILINE)) == 1
    assert "--constraint requirements.lock ." in rest


def test_it_runs_the_commands_as_a_user_without_rights(steps: list[tuple[str, str]]) -> None:
    assert of(steps, "ENTRYPOINT") == ['["python", "-m", "terna"]']
    [user] = of(steps, "USER")
    assert user != "0"
    assert any(f"useradd --create-home --uid {user} " in rest for rest in of(steps, "RUN"))
    names = [name for name, _ in steps]
    assert "RUN" not in names[names.index("USER") :]


def test_the_commands_that_the_page_runs_in_it_are_commands(root: Path) -> None:
    page = (root / "docs" / "serving.md").read_text()
    shown = [block.body.replace("\\\n", " ") for block in blocks(page, "sh")]
    lines = [line.split("<")[0] for body in shown for line in body.splitlines() if line.startswith("docker run")]
    own = [shlex.split(line.split(" terna ", 1)[1]) for line in lines if "ghcr.io" not in line]
    assert [words[0] for words in own] == ["encode", "demo"]
    for words in own:
        parser().parse_args(words)
