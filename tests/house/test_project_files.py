"""What others join a project by: licence, citation, workflows, the console script."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from terna.settings import compose, load

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_licence_and_citation_say_what_the_package_says() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    settings = load(compose(ROOT / "conf", []))
    licences = {corpus.licence for corpus in [*settings.corpora.values(), *settings.parallel.values()]}
    assert all(licence in (ROOT / "samples" / "LICENSE").read_text(encoding="utf-8") for licence in licences)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_commands_that_there_are(path: Path) -> None:
    targets = set(re.findall(r"^([a-z.][\w./-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    runs = [step["run"] for job in told["jobs"].values() for step in job["steps"] if "run" in step]
    asked = [target for run in runs for target in re.findall(r"\bmake (\S+)", run)]
    assert asked
    assert set(asked) <= targets
    assert told["permissions"] == {"contents": "read"}


def test_the_oldest_python_tested_is_the_oldest_allowed() -> None:
    told = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    versions = told["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_the_console_script_is_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    module, _, name = PROJECT["scripts"]["terna"].partition(":")
    with pytest.raises(SystemExit, match="0"):
        getattr(import_module(module), name)(["--help"])
    assert "encode" in capsys.readouterr().out
