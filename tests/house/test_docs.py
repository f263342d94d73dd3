"""docs/ builds to a site in which every link holds and every page is on the menu, and to the same bytes twice."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml
from site_inputs import build, needs_mkdocs

pytestmark = needs_mkdocs


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("built") / "site"
    done = build(root, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """mkdocs.yml and docs/, for a test to spoil."""
    shutil.copy(root / "mkdocs.yml", tmp_path)
    shutil.copytree(root / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "dvc.yaml", "conf", "src", "pipelines", "samples", "tests"):
        (tmp_path / name).symlink_to(root / name)
    return tmp_path


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_page_is_on_the_site_and_the_hook_is_not(root: Path, site: Path) -> None:
    pages = {path.stem for path in (root / "docs").glob("*.md")}
    assert len(pages) >= 10
    assert {path.stem for path in site.glob("*.html")} == pages | {"404"}
    assert not list(site.glob("*.py"))


@pytest.mark.slow
def test_two_builds_are_the_same_bytes(root: Path, site: Path, tmp_path: Path) -> None:
    assert build(root, tmp_path / "again").returncode == 0
    assert digests(tmp_path / "again") == digests(site)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[gone](data.md#gone)", "#gone"),
        ("[gone](#gone)", "#gone"),
        ("[gone](../src/terna/gone.py)", "../src/terna/gone.py"),
        ("[gone](/data.md)", "/data.md"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(copy: Path, added: str, told: str) -> None:
    page = copy / "docs" / "use.md"
    page.write_text(f"{page.read_text()}\n{added}\n")
    done = build(copy, copy / "site")
    assert done.returncode != 0
    assert told in done.stderr
    assert "use.md" in done.stderr


def test_a_page_that_no_menu_has_fails_the_build(copy: Path) -> None:
    (copy / "docs" / "lost.md").write_text("# Lost\n")
    done = build(copy, copy / "site")
    assert done.returncode != 0
    assert "lost.md" in done.stderr


def test_a_link_to_the_code_becomes_its_path(copy: Path) -> None:
    (copy / "docs" / "index.md").write_text(
        "[The loss](../src/terna/training/losses/ranking.py), [`dvc.yaml`](../dvc.yaml).\n"
    )
    assert build(copy, copy / "site").returncode == 0
    page = (copy / "site" / "index.html").read_text()
    assert "The loss (<code>src/terna/training/losses/ranking.py</code>), <code>dvc.yaml</code>." in page


def test_the_menu_has_each_page_once(root: Path) -> None:
    groups = yaml.safe_load((root / "mkdocs.yml").read_text())["nav"]
    listed = [name for group in groups for entries in group.values() for entry in entries for name in entry.values()]
    assert sorted(listed) == sorted(path.name for path in (root / "docs").glob("*.md"))
