"""What a process of ours sets for itself, and that TERNA_PLAIN=1 leaves but privacy of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from terna.errors import SettingsError
from terna.running.process import PRIVACY, SPEED, read_env

SCRIPT = """
import ctypes, gc, json, os
calls = []
class Library:
    def __init__(self, name):
        self.mallopt = lambda option, most: calls.append(option)
ctypes.CDLL = Library
from terna.running.process import settle
settle()
print(json.dumps([dict(os.environ), gc.get_threshold()[0], len(calls)]))
"""


def settled(**given: str) -> tuple[dict[str, str], int, int]:
    """The environment, the collector's threshold and how often the allocator was set, in a process of its own."""
    known = {"TERNA_PLAIN", *PRIVACY, *SPEED}
    environment = {name: value for name, value in os.environ.items() if name not in known} | given
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    found, threshold, calls = json.loads(done.stdout)
    return {name: found[name] for name in found if name in known}, threshold, calls


@pytest.mark.parametrize("given", [{}, {"TERNA_PLAIN": "0"}])
def test_a_process_is_set_up_for_speed_and_privacy(given: dict[str, str]) -> None:
    found, threshold, calls = settled(**given)
    assert found == PRIVACY | SPEED | given
    assert threshold == 50_000
    assert calls == (3 if sys.platform == "linux" else 0)


def test_plain_it_is_set_up_for_privacy_alone() -> None:
    found, threshold, calls = settled(TERNA_PLAIN="1")
    assert found == PRIVACY | {"TERNA_PLAIN": "1"}
    assert threshold < 50_000
    assert calls == 0


def test_what_the_user_has_set_stays() -> None:
    given = {"OMP_WAIT_POLICY": "ACTIVE", "DVC_NO_ANALYTICS": "0"}
    assert settled(**given)[0] == PRIVACY | SPEED | given


@pytest.mark.parametrize(
    ("value", "words"),
    [("", ["pipelines/train.py"]), ("2", ["pipelines/train.py"]), ("yes", ["-m", "terna", "similarity", "a", "b"])],
)
def test_another_value_is_refused_by_name(root: Path, value: str, words: list[str]) -> None:
    environment = {**os.environ, "TERNA_PLAIN": value}
    done = subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    refused = f"TERNA_PLAIN: {value!r} in the environment; set it to 0 or 1, or unset it"
    assert done.stderr == f"SettingsError: 1 fault in the settings:\n  {refused}\n"


def test_a_file_of_variables_sets_what_the_environment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_env(tmp_path)  # there is none
    written = "# keys\nTERNA_A=one\nTERNA_B='two words'  # said\nexport TERNA_C=$HOME${HOME}\n\nTERNA_D=\n"
    (tmp_path / ".env").write_text(written)
    monkeypatch.setenv("TERNA_A", "mine")
    for name in "BCD":
        monkeypatch.setenv(f"TERNA_{name}", "")  # so that it is taken back
        monkeypatch.delenv(f"TERNA_{name}")
    read_env(tmp_path)
    found = [os.environ[f"TERNA_{name}"] for name in "ABCD"]
    assert found == ["mine", "two words", "$HOME${HOME}", ""]


@pytest.mark.parametrize("content", [b"WANDB_API_KEY=\xff\xfe", b"A=b\nSECRET\n"])
def test_a_file_of_variables_that_is_none_is_refused_without_its_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env: ") as caught:
        read_env(tmp_path)
    assert not any(word in str(caught.value) for word in ("SECRET", "WANDB_API_KEY"))
