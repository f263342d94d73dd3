"""Vectors by Ray's workers: the bytes of one process, though a worker or the command is killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from ray_inputs import actors, call_here

from terna.errors import DataError, ModelError
from terna.running.cluster import Asked
from terna.systems import load_system, over_ray, store_vectors, stored
from terna.systems.over_ray import store_vectors_over_ray

CHUNK = 16
TEXTS = [f"La frase {n} habla del mar{' y de la casa' * (n % 7)}." for n in range(4000)]
# the command that is killed
COMMAND = """
import sys
from pathlib import Path
from test_over_ray import CHUNK, TEXTS
from terna.running.cluster import Asked
from terna.systems.over_ray import store_vectors_over_ray

model, path, work = sys.argv[1], *map(Path, sys.argv[2:])
asked = Asked(None, "cpu", 2)
store_vectors_over_ray(model, TEXTS, path, asked, work, name="encode", progress=False, chunk=CHUNK)
"""


def one_process(model: Path, texts: list[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(stored, "CHUNK", CHUNK)
    store_vectors(load_system(str(model)), texts, path, name="encode", progress=False)
    return path.read_bytes()


def test_workers_write_the_bytes_of_one_process_and_only_shards_that_are_missing(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, work, out = call_here(monkeypatch), tmp_path / "work", tmp_path / "over_ray.npy"
    texts = TEXTS[:200]  # four shards, the last of 8

    def run(texts: list[str] = texts) -> list[str]:
        given.clear()
        asked = Asked(None, "cpu")
        store_vectors_over_ray(str(encoder_folder), texts, out, asked, work, name="encode", progress=False, chunk=CHUNK)
        return sorted(Path(block.path).name for block in given)

    names = run()
    assert out.read_bytes() == one_process(encoder_folder, texts, tmp_path / "one.npy", monkeypatch)
    assert names == sorted(path.name for path in work.iterdir()) and len(names) == 4
    (work / names[2]).unlink()
    assert run() == [names[2]]
    assert out.read_bytes() == (tmp_path / "one.npy").read_bytes()
    assert run() == []
    assert len(run([*texts[:199], "Otra."])) == 1, "other texts, another shard"


def test_a_damaged_shard_is_encoded_again(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, work, out = call_here(monkeypatch), tmp_path / "work", tmp_path / "over_ray.npy"
    texts = TEXTS[:100]  # two shards

    def run() -> bytes:
        given.clear()
        asked = Asked(None, "cpu")
        store_vectors_over_ray(str(encoder_folder), texts, out, asked, work, name="encode", progress=False, chunk=CHUNK)
        return out.read_bytes()

    whole = run()
    shard = sorted(work.iterdir())[1]
    content, vectors = shard.read_bytes(), np.load(shard)["vectors"]
    middle = len(content) // 2
    damaged = [
        b"",
        b"PK",
        content[:100],
        content[:-1],
        content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        *map(saved, (vectors[:-1], vectors[0], vectors.astype(float))),
    ]
    for number, wrong in enumerate(damaged):
        shard.write_bytes(wrong)
        assert run() == whole, number
        assert [Path(block.path) for block in given] == [shard]
    monkeypatch.setattr(over_ray, "_is_whole", lambda *_: True)  # damaged between the check and the end
    shard.write_bytes(content[:100])
    with pytest.raises(DataError, match=r"\.npz: no whole shard .*; check the disk, and run again"):
        run()


def saved(vectors: np.ndarray) -> bytes:
    np.savez(file := BytesIO(), vectors=vectors)
    return file.getvalue()


def test_another_model_on_a_workers_machine_is_refused(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_here(monkeypatch)
    digests, calls = over_ray.digests_of, Counter[str]()

    def other(path: Path) -> dict[str, str]:
        calls["digests"] += 1
        return digests(path) | ({"model.safetensors": "0"} if calls["digests"] > 1 else {})

    monkeypatch.setattr(over_ray, "digests_of", other)
    with pytest.raises(ModelError, match=r"other files, or another torch .* on a worker's machine"):
        store_vectors_over_ray(
            str(encoder_folder), TEXTS[:9], tmp_path / "a.npy", Asked(None, "cpu"), tmp_path, name="e", progress=False
        )
    assert not list(tmp_path.glob("*.np[yz]"))


def begin(model: Path, tmp_path: Path) -> subprocess.Popen[bytes]:
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers"), os.environ.get("PYTHONPATH", "")]
    words = [sys.executable, "-c", COMMAND, str(model), str(tmp_path / "out.npy"), str(tmp_path / "work")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE)


def wait_for(command: subprocess.Popen[bytes], work: Path, shards: int) -> None:
    ends = time.monotonic() + 120
    while len(list(work.glob("*.npz"))) < shards:
        assert command.poll() is None and time.monotonic() < ends, command.stderr and command.stderr.read()
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by the names that Ray gives them")
def test_a_worker_is_killed_then_the_command_and_the_bytes_are_those_of_one_process(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install -e '.[ray]'")
    work = tmp_path / "work"
    with begin(encoder_folder, tmp_path) as command:
        wait_for(command, work, 3)
        victim, *others = actors(command.pid)
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(command, work, 15)
        others = actors(command.pid)
        command.kill()
    psutil.wait_procs(others, timeout=60)
    before = {path.name: path.stat().st_mtime_ns for path in work.glob("*.npz")}
    assert not (tmp_path / "out.npy").exists() and 15 <= len(before) < -(-len(TEXTS) // (4 * CHUNK))
    with begin(encoder_folder, tmp_path) as command:
        said = command.communicate(timeout=120)[1].decode()
    assert command.returncode == 0, said
    one = one_process(encoder_folder, TEXTS, tmp_path / "one.npy", monkeypatch)
    assert (tmp_path / "out.npy").read_bytes() == one
    assert np.load(tmp_path / "out.npy").shape[0] == len(TEXTS)
    assert {name: (work / name).stat().st_mtime_ns for name in before} == before, "nothing is done twice"
