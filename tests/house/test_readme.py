"""The README says what is so: its table, its tree, its commands, its words for settings."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from documented import commands, overrides
from readme import main as write_readme

from terna.evaluation.table import markdown
from terna.settings import compose, load

NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="session")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_table_of_results_is_what_the_default_run_measured(readme: str, root: Path) -> None:
    scores = json.loads((root / "metrics" / "sts.json").read_text())
    measured = markdown(load(compose(root / "conf", [])).evaluate, scores)
    printed = re.search(r"<!-- results: .*? -->\n(.*?)<!-- /results -->", readme, re.DOTALL)
    assert printed
    assert NUMBER.sub("#", printed[1].strip()) == NUMBER.sub("#", measured.strip())
    pairs = zip(NUMBER.findall(printed[1]), NUMBER.findall(measured), strict=True)
    # another processor adds in another order: the last digits of a trained model differ
    assert all(abs(float(a) - float(b)) <= 0.05 for a, b in pairs)


@pytest.fixture
def copied(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """README with what its table is made from, and the command as it is run there."""
    (tmp_path / "metrics").mkdir()
    for name in ("README.md", "params.yaml", "metrics/sts.json"):
        shutil.copy(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "pipelines" / "readme.py")])
    return tmp_path / "README.md"


def test_the_command_writes_the_table_and_nothing_else(copied: Path, readme: str) -> None:
    scores = json.loads(Path("metrics/sts.json").read_text())
    before, after = (json.dumps(scores["sts-sample-test"]["cosine_pearson"] + more) for more in (0, 0.1))
    shown = [f"| this model | measured, these weights | {float(value):.3f} / " for value in (before, after)]
    write_readme()
    assert copied.read_text(encoding="utf-8") == readme
    Path("metrics/sts.json").write_text(json.dumps(scores).replace(before, after))
    write_readme()
    assert copied.read_text(encoding="utf-8") == readme.replace(*shown)
    assert readme.count(shown[0]) == 1


@pytest.mark.parametrize("mark", ["<!-- results: ", "<!-- /results -->"])
def test_a_readme_without_a_place_for_the_table_is_left_as_it_is(
    copied: Path, readme: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copied.write_text(readme.replace(mark, ""), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        write_readme()
    assert "README.md: 0 places for the table, expected one" in f"{ended.value}{capsys.readouterr().err}"
    assert copied.read_text(encoding="utf-8") == readme.replace(mark, "")


def test_figures_of_other_benchmarks_are_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("metrics/sts.json").write_text('{"floors": {}}')
    with pytest.raises(SystemExit) as ended:
        write_readme()
    told = f"{ended.value}{capsys.readouterr().err}"
    assert "metrics/sts.json: nothing on sts-sample-dev; run the evaluate stage (dvc repro evaluate)" in told


def test_every_path_of_the_tree_is_there(readme: str, root: Path) -> None:
    tree = readme.split("```\nconf/", 1)[1].split("```")[0]
    names = [line.split()[0] for line in f"conf/{tree}".splitlines() if line and not line.startswith(" ")]
    assert len(names) >= 10
    assert not [name for name in names if not (root / name).exists()]
    rooms = re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (root / "src" / "terna").glob("*/__init__.py"))


def test_every_experiment_is_listed_and_every_listed_one_is_there(readme: str, root: Path) -> None:
    section = readme.split("## Real corpora")[1].split("```")[0]
    listed = {
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert listed == {path.stem for path in (root / "conf" / "experiment").glob("*.yaml")} - {"sample"}


def test_every_make_target_that_it_names_is_in_the_makefile(readme: str, root: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (\w+)", readme)) <= targets


def test_every_command_that_it_or_the_docs_show_overrides_settings_that_are_sound_together(root: Path) -> None:
    # the choices of adding.md are files that its reader makes: test_adding.py makes them
    pages = [root / "README.md", *(page for page in sorted((root / "docs").glob("*.md")) if page.stem != "adding")]
    shown = [line for page in pages for line in commands(page.read_text()) if "dvc exp run" in line]
    assert len(shown) >= 8
    for command in shown:
        # of a sweep the first choice
        chosen = [word if "[" in word or "{" in word else word.split(",")[0] for word in overrides(command)]
        load(compose(root / "conf", chosen))


def test_the_locked_versions_hold_no_address_and_pin_torch(root: Path) -> None:
    lines = (root / "requirements.lock").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines)
    assert "torch==2.13.0" in lines
    assert yaml.safe_load((root / "dvc.lock").read_text())["stages"]
