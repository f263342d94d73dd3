"""README and the overview say what is so: table, tree, figure, commands, words for settings."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from card_inputs import settings_of
from documented import commands, made_here, overrides
from lineage_inputs import evaluate, run_line, train
from results import main as write_results

from terna.evaluation.table import markdown
from terna.settings import compose, load

NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(scope="session")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def overview(root: Path) -> str:
    return (root / "docs" / "overview.md").read_text(encoding="utf-8")


def test_the_table_of_results_is_what_the_default_run_measured(overview: str, root: Path) -> None:
    scores = json.loads((root / "metrics" / "sts.json").read_text())
    measured = markdown(load(compose(root / "conf", [])).evaluate, scores)
    printed = re.search(r"<!-- results: .*? -->\n(.*?)<!-- /results -->", overview, re.DOTALL)
    assert printed
    assert NUMBER.sub("#", printed[1].strip()) == NUMBER.sub("#", measured.strip())
    pairs = zip(NUMBER.findall(printed[1]), NUMBER.findall(measured), strict=True)
    # another processor adds in another order: the last digits of a trained model differ
    assert all(abs(float(a) - float(b)) <= 0.05 for a, b in pairs)


@pytest.fixture
def scores(root: Path) -> dict[str, Any]:
    """The committed figures."""
    return dict(json.loads((root / "metrics" / "sts.json").read_text()))


@pytest.fixture
def copied(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: dict[str, Any]) -> Path:
    """The page in a project that has run and measured the committed figures, and the command as it is run there."""
    monkeypatch.chdir(tmp_path)
    evaluate(run_line(root, tmp_path), scores)
    Path("docs").mkdir()
    shutil.copy(root / "docs" / "overview.md", "docs")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "pipelines" / "results.py")])
    return tmp_path / "docs" / "overview.md"


def test_the_command_writes_the_table_and_nothing_else(
    root: Path, copied: Path, overview: str, scores: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = scores["sts-sample-test"]
    before, after = figures["cosine_pearson"], figures["cosine_pearson"] + 0.1
    shown = [f"| this model | measured, these weights | {value:.3f} / " for value in (before, after)]
    write_results()
    assert copied.read_text(encoding="utf-8") == overview
    assert capsys.readouterr().out == "results: the table of 2 benchmarks from metrics/sts.json in docs/overview.md\n"
    figures["cosine_pearson"] = after
    evaluate(settings_of(root), scores)
    write_results()
    assert copied.read_text(encoding="utf-8") == overview.replace(*shown)
    assert overview.count(shown[0]) == 1


def test_figures_that_are_not_what_the_stages_measured_are_refused_and_the_page_stays(
    root: Path, copied: Path, overview: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("metrics/sts.json")
    path.write_text(path.read_text().replace("0.", "0.9", 1))
    told = refused(capsys)
    assert told.startswith("DataError: evaluate: metrics/sts.json has sha256 ")
    assert told.endswith("which it wrote; run its stage again (dvc repro evaluate)\n")
    train(settings_of(root, "train.lr=5e-3"))
    evaluate(settings_of(root))
    assert "train: it ran with train.lr = 0.005, but the settings here say 0.001; run the pipeline" in refused(capsys)
    assert copied.read_text(encoding="utf-8") == overview


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says as it ends with status 1."""
    with pytest.raises(SystemExit) as ended:
        write_results()
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("mark", ["<!-- results: ", "<!-- /results -->"])
def test_a_page_without_a_place_for_the_table_is_left_as_it_is(
    copied: Path, overview: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copied.write_text(overview.replace(mark, ""), encoding="utf-8")
    assert "docs/overview.md: 0 places for the table, expected one" in refused(capsys)
    assert copied.read_text(encoding="utf-8") == overview.replace(mark, "")


def test_figures_of_other_benchmarks_are_refused(root: Path, copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(settings_of(root), {"baselines": {}})
    told = "metrics/sts.json: nothing on sts-sample-dev; run the evaluate stage (dvc repro evaluate)"
    assert told in refused(capsys)


def test_every_path_of_the_tree_is_there(overview: str, root: Path) -> None:
    tree = overview.split("```\nconf/", 1)[1].split("```")[0]
    names = [line.split()[0] for line in f"conf/{tree}".splitlines() if line and not line.startswith(" ")]
    assert len(names) >= 10
    assert not [name for name in names if not (root / name).exists()]
    rooms = re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)
    assert sorted(rooms) == sorted(path.parent.name for path in (root / "src" / "terna").glob("*/__init__.py"))


def test_every_experiment_is_listed_and_every_listed_one_is_there(overview: str, root: Path) -> None:
    section = overview.split("## Real corpora")[1].split("```")[0]
    listed = {
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert listed == {path.stem for path in (root / "conf" / "experiment").glob("*.yaml") if made_here(path)}


def test_every_make_target_that_they_name_is_in_the_makefile(overview: str, readme: str, root: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([\w-]+)", f"{overview}\n{readme}", re.MULTILINE)) <= targets


def test_the_readme_is_short_and_its_links_lead_somewhere(readme: str, root: Path) -> None:
    assert len(readme.split()) <= 600
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)|(?:srcset|src)=\"([^\"]+)\"", readme)
    assert len(links) >= 15
    assert not [link for pair in links for link in pair if link and not (root / link).exists()]


@pytest.mark.slow
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
