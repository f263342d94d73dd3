"""Pools of workers, and what they read and write, without Ray."""

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from terna.errors import ModelError
from terna.running import cluster
from terna.running.blocks import DEATHS, batch_of, begun, handed_out
from terna.running.cluster import Asked, Pool, asked_by, imported, pool_of
from terna.settings import Machine

MACHINE = Machine("auto", 1, 1, 200, 2, False, 1800, ray="local")
ONE, TWO = [{"CPU": 2.0}], [{"CPU": 8.0}, {"CPU": 16.0}]
GRAPHICS = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}]


def test_workers_share_what_there_is() -> None:
    assert pool_of(ONE, Asked(None, "auto")) == Pool(1, 2, 2, 0)
    assert pool_of(ONE, Asked(None, "auto", 2)) == Pool(2, 1, 1, 0)
    assert pool_of(ONE, Asked(None, "auto", 4)) == Pool(4, 1, 0.5, 0)
    assert pool_of(TWO, Asked(None, "auto")) == Pool(2, 8, 8, 0)
    assert pool_of(TWO, Asked(None, "cpu", 6)) == Pool(6, 4, 4, 0)
    assert pool_of(GRAPHICS, Asked(None, "auto")) == Pool(4, 6, 1.0, 1)
    assert pool_of(GRAPHICS, Asked(None, "cuda", 2)).device == "cuda:0"
    assert pool_of(GRAPHICS, Asked(None, "cpu")).device == "cpu"
    with pytest.raises(ModelError, match="--device: Ray sees no GPU; give cpu"):
        pool_of(ONE, Asked(None, "cuda"))
    with pytest.raises(ModelError, match="--actors: 5 workers, Ray sees 4 GPUs, and each worker has one; lower it"):
        pool_of(GRAPHICS, Asked(None, "auto", 5))


def test_the_settings_count_for_each_machine() -> None:
    asked = asked_by(MACHINE, processes=3)
    assert (asked.address, asked_by(replace(MACHINE, ray="head:6379")).address) == (None, "head:6379")
    assert (pool_of(ONE, asked).workers, pool_of(TWO, asked).workers) == (3, 6)
    assert (pool_of(GRAPHICS, asked).workers, pool_of(GRAPHICS, asked).gpus) == (2, 1), "one for each that has GPUs"
    assert pool_of(GRAPHICS, asked_by(replace(MACHINE, devices=2))).workers == 4
    assert pool_of(GRAPHICS, asked_by(replace(MACHINE, accelerator="cpu"))).workers == 3
    with pytest.raises(ModelError, match=r"machine\.devices: 6 workers, Ray sees 4 GPUs"):
        pool_of(GRAPHICS, asked_by(replace(MACHINE, devices=3)))
    with pytest.raises(ModelError, match=r"machine\.accelerator: Ray sees no GPU"):
        pool_of(TWO, asked_by(replace(MACHINE, accelerator="gpu")))


def test_without_ray_the_error_names_the_setting_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (*cluster.EMBEDDED, "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
    with pytest.raises(ModelError, match=r"machine\.ray: ray cannot be imported .*pip install -e '\.\[ray\]'"):
        imported(asked_by(MACHINE))


def test_batches_are_read_one_by_one_and_gone_afterwards(tmp_path: Path) -> None:
    batches = [pa.record_batch({"text": pa.array([f"{n}", f"{n}é"])}) for n in range(3)]
    (tmp_path / ".old.parquet.7-ab.part").touch()
    (tmp_path / "kept.parquet").touch()
    with handed_out(tmp_path, batches) as path:
        assert [batch_of(path, number) for number in (2, 0, 1)] == [batches[2], batches[0], batches[1]]
    assert [each.name for each in tmp_path.iterdir()] == ["kept.parquet"]
    with pytest.raises(ModelError, match=r"\.part: not there on .*machines of the cluster must share the folder"):
        batch_of(path, 0)


def test_a_file_is_there_whole_or_not_at_all_and_is_refused_after_deaths(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with begun(path, "block 1", "give less") as beside:
        assert [each.name for each in tmp_path.iterdir()] == [beside.name], "what tells of a death is there at once"
        assert f".{os.getpid()}-" in beside.name
        beside.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    with pytest.raises(KeyError), begun(tmp_path / "b.npy", "block 2", "give less"):
        raise KeyError
    assert [each.name for each in tmp_path.iterdir()] == ["a.npy"]
    for number in range(DEATHS):
        (tmp_path / f".b.npy.{number}-ab.part").touch()
    fault = "block 2: 3 workers died on them, for lack of memory or by a signal; give less, and run again"
    with pytest.raises(ModelError, match=fault), begun(tmp_path / "b.npy", "block 2", "give less"):
        pass


def test_an_address_at_which_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and does not listen
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:99999", "no.such.host.invalid:6379"):
            asked = asked_by(replace(MACHINE, ray=address))
            with pytest.raises(
                ModelError, match=rf"machine\.ray {address}: nothing answers there .* `ray start --head`"
            ):
                cluster._start(None, asked, "")
