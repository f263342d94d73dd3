"""A folder takes one process at a time, says which, and is free when that process has ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sweep_inputs
from sweep_inputs import COMPOSED, run

from terna.errors import BusyError
from terna.running import lock

HOLD = """
import sys, time
from pathlib import Path
from terna.running import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_that_another_process_holds_is_refused_with_who_and_since_when(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        who = rf"process {process.pid} has worked here since \d{{4}}-.*: -c import sys, time .*; wait"
        told = rf"{tmp_path}/\.terna\.lock: {who}"
        for _ in range(2):  # a refusal leaves the holder's words as they are
            with pytest.raises(BusyError, match=told), lock.held(tmp_path):
                raise AssertionError
        process.send_signal(signal.SIGKILL)
        process.wait()
        with lock.held(tmp_path):
            assert str(os.getpid()) in (tmp_path / lock.NAME).read_text()
    assert (tmp_path / lock.NAME).read_text() == ""


def test_two_folders_are_held_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with lock.held(tmp_path), lock.held(tmp_path / "job"):
        pass


def test_only_the_first_of_several_processes_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with holding(tmp_path) as process:
        for rank in ("LOCAL_RANK", "RANK"):
            monkeypatch.setenv(rank, "1")
            with lock.held(tmp_path):
                pass
            monkeypatch.setenv(rank, "0")
        with pytest.raises(BusyError), lock.held(tmp_path):
            raise AssertionError
        process.kill()


def test_a_folder_that_takes_no_lock_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusyError, match="cannot be locked"), lock.held(tmp_path / "file"):
        raise AssertionError


@pytest.mark.slow
def test_a_second_training_in_one_folder_is_refused_and_the_first_ends_as_if_alone(ready: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ready, project)
    words = (*COMPOSED, "train.lr=1e-3", "train.epochs=6")
    first = sweep_inputs.start(project, "train", *words)
    while not (project / lock.NAME).is_file() or not (project / lock.NAME).read_text():
        time.sleep(0.02)
    others = [
        sweep_inputs.start(project, script, *COMPOSED, *words)
        for script, words in (("train", ["train.lr=3e-4"]), ("release", []))
    ]
    for other in others:
        out, told = other.communicate(timeout=120)
        assert (other.returncode, out) == (1, "")
        assert f"process {first.pid} has worked here since" in told
        assert "/train.py --config-path=.. --config-name=params train.lr=1e-3 train.epochs=6; wait" in told
    _, told = first.communicate(timeout=120)
    assert first.returncode == 0, told
    apart = run(project, "train", *words, "hydra.run.dir=alone")
    assert apart.returncode == 0, apart.stderr
    for folder in ("models", "plots"):
        assert sweep_inputs.digests(project / folder) == sweep_inputs.digests(project / "alone" / folder)
