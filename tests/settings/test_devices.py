"""The device of each process: what the settings and `--device` ask for, of what torch sees."""

import pytest
import torch

from terna.errors import ModelError
from terna.settings import Machine
from terna.settings.devices import available, device_of, devices_of, several


def sees(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(0, False, ["cpu"]), (2, False, ["cuda:0", "cuda:1", "cpu"]), (0, True, ["mps", "cpu"])],
)
def test_the_strongest_device_comes_first(
    monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, expected: list[str]
) -> None:
    sees(monkeypatch, cuda, mps)
    assert available() == expected
    assert device_of("auto") == expected[0]
    assert device_of("cpu") == "cpu"
    if expected != ["cpu"]:
        assert device_of("gpu") == expected[0]


@pytest.mark.parametrize("asked", ["gpu", "cuda", "cuda:0", "mps", "tpu"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    sees(monkeypatch, 0)
    with pytest.raises(ModelError, match=rf"^--device: {asked} is not available; torch sees cpu; choose one of these"):
        device_of(asked, "--device")


def test_a_cuda_device_is_asked_for_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    sees(monkeypatch, 2)
    assert device_of("cuda:1") == "cuda:1"
    with pytest.raises(ModelError, match=r"cuda:2 is not available; torch sees cuda:0, cuda:1, cpu"):
        device_of("cuda:2")
    assert several("cuda", 2, "--device") == ["cuda:0", "cuda:1"]
    with pytest.raises(ModelError, match="--device: cuda:1 and 2 processes, but torch sees 1 such devices"):
        several("cuda:1", 2, "--device")


@pytest.mark.parametrize("asked", ["mps", "gpu", "auto"])
def test_mps_is_for_one_process(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    sees(monkeypatch, 0, mps=True)
    assert several(asked, 1, "--device") == ["mps"]
    with pytest.raises(ModelError, match=f"--device: {asked} and 2 processes, but torch sees 1 such devices"):
        several(asked, 2, "--device")


@pytest.mark.parametrize(
    ("machine", "cuda", "expected"),
    [
        (Machine("cpu", 1, 1, 200, 3, False, 1800), 2, ["cpu"] * 3),
        (Machine("auto", 1, 1, 200, 3, False, 1800), 0, ["cpu"] * 3),
        (Machine("auto", 1, 1, 200, 3, False, 1800), 2, ["cuda:0"]),
        (Machine("gpu", 2, 1, 200, 3, False, 1800), 2, ["cuda:0", "cuda:1"]),
        (Machine("gpu", 2, 1, 200, 3, False, 1800), 1, "gpu and 2 processes, but torch sees 1 such devices"),
        (Machine("gpu", 1, 1, 200, 3, False, 1800), 0, "machine.accelerator: gpu is not available; torch sees cpu"),
        (Machine("mps", 1, 1, 200, 3, False, 1800), 0, "machine.accelerator: mps is not available"),
    ],
)
def test_a_process_for_each_device_or_for_each_of_the_workers(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, cuda: int, expected: list[str] | str
) -> None:
    sees(monkeypatch, cuda)
    if isinstance(expected, str):
        with pytest.raises(ModelError, match=expected):
            devices_of(machine)
    else:
        assert devices_of(machine) == expected
