"""`encode --processes`: the same bytes as one process; a process that dies, or is left alone, does no harm."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

WORDS = [sys.executable, "-m", "terna", "encode", "--chunk", "5"]
LINES = "".join(f"La frase {n} habla del mar.\n" if n % 7 else "\n" for n in range(58)).encode()


def children(process: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True).stdout
    return [int(word) for word in found.split()]


def encoding(process: int) -> list[int]:
    """The processes of a command that encode: spawned ones that are no resource trackers."""
    own = [(child, Path(f"/proc/{child}/cmdline").read_text(errors="replace")) for child in children(process)]
    return [child for child, words in own if "spawn_main" in words]


def test_vectors_come_in_order_and_are_those_of_one_process(encoder_folder: Path, tmp_path: Path) -> None:
    made = {}
    for processes in ("1", "3"):
        out = tmp_path / f"{processes}.npy"
        words = [*WORDS, "--model", str(encoder_folder), "--processes", processes, "--out", str(out)]
        done = subprocess.run(words, input=LINES, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        made[processes] = out.read_bytes()
        assert b"9 of 58 lines are blank" in done.stderr
    assert made["1"] == made["3"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_one_that_dies_is_told_and_none_outlives_the_command(encoder_folder: Path, tmp_path: Path) -> None:
    words = [*WORDS, "--model", str(encoder_folder), "--processes", "2", "--out", str(tmp_path / "vectors.npy")]
    for victim in ("worker", "command"):
        with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as command:
            assert command.stdin
            command.stdin.write(LINES)
            command.stdin.flush()  # more may come: it goes on
            began = time.monotonic()
            while len(found := encoding(command.pid)) < 2 and time.monotonic() - began < 120:
                time.sleep(0.1)
            os.kill(found[0] if victim == "worker" else command.pid, signal.SIGKILL)
            said = command.communicate(timeout=120)[1].decode()
        if victim == "worker":
            assert command.returncode == 1
            assert "a process that encodes has died, for lack of memory or by a signal; give fewer --processes" in said
        began = time.monotonic()
        while any(Path(f"/proc/{one}").exists() for one in found) and time.monotonic() - began < 60:
            time.sleep(0.1)
        assert not [one for one in found if Path(f"/proc/{one}").exists()]
        assert not (tmp_path / "vectors.npy").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_two_that_write_one_file_both_write_it_whole_and_a_second_ctrl_c_changes_nothing(
    encoder_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "vectors.npy"
    words = [*WORDS, "--model", str(encoder_folder), "--out", str(out)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        assert first.stdin
        first.stdin.write(LINES * 2)
        first.stdin.flush()
        began = time.monotonic()
        while not list(tmp_path.glob(".*.part")) and time.monotonic() - began < 120:
            time.sleep(0.1)
        assert subprocess.run(words, input=LINES, capture_output=True, timeout=120).returncode == 0
        assert np.load(out).shape[0] == 58
        first.communicate(timeout=120)
    assert first.returncode == 0
    assert np.load(out).shape[0] == 116

    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as stopped:
        began = time.monotonic()
        while not list(tmp_path.glob(".*.part")) and time.monotonic() - began < 120:
            time.sleep(0.1)
        stopped.send_signal(signal.SIGINT)
        time.sleep(0.02)
        stopped.send_signal(signal.SIGINT)
        said = stopped.communicate(timeout=120)[1].decode()
    assert (stopped.returncode, said) == (130, "stopped by Ctrl-C; no file is half written\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors.npy", "vectors.npy.json"]
