"""Every script of pipelines/ says what it is for, and refuses words that it does not know, before anything happens."""

import os
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPTS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "pipelines").glob("*.py"))
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """A function that runs a script in a project without data: status, standard output, standard error."""
    for name in ("conf", "pipelines", "params.yaml", "dvc.yaml", "README.md"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)

    def run(script: str, *words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [str(tmp_path / "pipelines" / f"{script}.py"), *words])
        status = 0
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    yield run
    for name in set(os.environ) - set(before):
        del os.environ[name]


def files(project: Path) -> dict[str, bytes]:
    found = (path for path in project.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path): path.read_bytes() for path in found}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_shows_its_usage_and_refuses_other_words_and_does_nothing(call: Call, script: str) -> None:
    before = files(Path.cwd())
    purpose = Path("pipelines", f"{script}.py").read_text(encoding="utf-8").splitlines()[0].strip('"')
    for word in ("--help", "-h"):
        status, out, err = call(script, word)
        assert (status, err) == (0, "")
        assert out.startswith(f"usage: python pipelines/{script}.py ") and purpose in out
    status, out, err = call(script, "--nonsense")
    assert (status, out) == (1, "")
    assert err.startswith("SettingsError: 1 fault in the settings:\n  ") and err.count("\n") == 2
    assert err.endswith("; --help shows what can be given\n")
    assert files(Path.cwd()) == before


@pytest.mark.parametrize("words", [("results", "x"), ("run", "x"), ("release", "--verify", "x"), ("release", "x")])
def test_a_word_too_many_is_named(call: Call, words: tuple[str, ...]) -> None:
    before = files(Path.cwd())
    status, _, err = call(*words)
    assert status == 1
    assert "unrecognized arguments: x; " in err or "'x': no override" in err
    assert files(Path.cwd()) == before


def test_verify_with_help_says_what_verify_is(call: Call) -> None:
    status, out, _ = call("release", "--verify", "--help")
    assert status == 0 and "--verify" in out
