"""The commit is that of our code, and what differs from it is told by name."""

import subprocess
from pathlib import Path

import pytest

from terna.release import origin


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.c")
    for path in (
        "src/terna/training/losses/ranking.py",
        "conf/config.yaml",
        "params.yaml",
        "dvc.lock",
        "pyproject.toml",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_clean_repository_has_a_commit_and_no_change(repository: Path) -> None:
    assert origin.commit(repository) == git(repository, "rev-parse", "HEAD")
    assert origin.modified(repository) == []


def test_a_commit_of_what_a_run_writes_is_not_one_of_the_code(repository: Path) -> None:
    before = origin.commit(repository)
    (repository / "dvc.lock").write_text("of a run")
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    assert origin.commit(repository) == before != git(repository, "rev-parse", "HEAD")
    (repository / "conf/config.yaml").write_text("changed")
    git(repository, "commit", "--quiet", "--all", "--message", "third")
    assert origin.commit(repository) == git(repository, "rev-parse", "HEAD")


def test_changes_that_a_run_makes_itself_are_none_of_the_code(repository: Path) -> None:
    for path in ("params.yaml", "dvc.lock", "src/terna/__pycache__/loss.pyc"):
        (repository / path).parent.mkdir(exist_ok=True)
        (repository / path).write_text("changed")
    assert origin.modified(repository) == []


def test_code_that_is_changed_staged_new_or_gone_is_named(repository: Path) -> None:
    (repository / "src/terna/training/losses/ranking.py").write_text("changed")
    (repository / "src/terna/ñu loss.py").write_text("new")
    (repository / "pyproject.toml").write_text("staged")
    git(repository, "add", "pyproject.toml")
    (repository / "conf/config.yaml").unlink()
    assert origin.modified(repository) == [
        "conf/config.yaml",
        "pyproject.toml",
        "src/terna/training/losses/ranking.py",
        "src/terna/ñu loss.py",
    ]


def test_a_project_below_the_repositorys_root_is_named_from_its_own(repository: Path, tmp_path: Path) -> None:
    inner = repository / "inner"
    (inner / "src").mkdir(parents=True)
    (inner / "src" / "a.py").write_text("a")
    assert origin.commit(inner) is None, "a repository around it that does not hold it"
    git(repository, "add", "inner")
    git(repository, "commit", "--quiet", "--message", "second")
    (inner / "src" / "a.py").write_text("b")
    assert origin.commit(inner) == git(repository, "rev-parse", "HEAD")
    assert origin.modified(inner) == ["src/a.py"]


def test_without_git_or_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin.commit(tmp_path) is None
    assert origin.modified(tmp_path) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert origin.commit(Path(__file__).parents[2]) is None
