"""Every entrance puts the encoder and what it reads on the device that is asked for; nothing is left on the CPU."""

import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import mine
import pytest
import teacher
import torch
from torch import Tensor

from terna.data.evaluators import Similarity
from terna.encoder import Encoder
from terna.encoder.packing import Batch
from terna.encoder.token_vectors import TokenVectors
from terna.evaluation import measure_systems
from terna.records import SCORED
from terna.serving.cli import main
from terna.serving.demo import server
from terna.settings import Settings, compose, load
from terna.systems import load_system
from terna.systems.load import placed

# torch's device that holds no numbers: what is not on it cannot be computed with what is
DEVICE = "meta"
PLACES: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is the strongest here; what comes back from it is zeros."""
    PLACES.clear()
    back, forward = Tensor.cpu, Encoder.forward

    def cpu(tensor: Tensor) -> Tensor:
        return torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else back(tensor)

    def seen(encoder: Encoder, batch: Batch, skip: int | None = None) -> Tensor:
        found = forward(encoder, batch, skip)
        given = {batch.place.device.type, *(chunk.ids.device.type for chunk in batch.chunks), found.device.type}
        weights = {each.device.type for each in (*encoder.parameters(), *encoder.buffers())}
        PLACES.append((", ".join(sorted(weights)), ", ".join(sorted(given))))
        return found

    monkeypatch.setattr(Tensor, "cpu", cpu)
    monkeypatch.setattr(Encoder, "forward", seen)
    monkeypatch.setattr(TokenVectors, "settle", lambda *_: False)  # compares numbers, of which there are none
    monkeypatch.setattr(server.Server, "serve_forever", lambda _: None)  # the page's example is encoded before
    monkeypatch.setattr("terna.settings.devices.available", lambda: [DEVICE, "cpu"])


def settings_of(root: Path, folder: Path, *words: str) -> Settings:
    found = load(
        compose(
            root / "conf",
            [
                "model=minilm",
                f"model.backbone={folder}",
                "model.sha256=null",
                "model.pooling=null",
                "model.max_length=24",
                "machine=auto",
                *words,
            ],
        )
    )
    return replace(found, machine=replace(found.machine, progress=False))


def encode(root: Path, folder: Path, tmp_path: Path) -> None:
    assert main(["encode", "--model", str(folder), "--out", str(tmp_path / "vectors.npy")]) == 0


def search(root: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("El mar.\nLa sierra.\n")
    assert main(["search", "el mar", "--corpus", str(tmp_path / "lines.txt"), "--model", str(folder)]) == 0


def similarity(root: Path, folder: Path, tmp_path: Path) -> None:
    assert main(["similarity", "El mar.", "La sierra.", "--model", str(folder)]) == 0


def demo(root: Path, folder: Path, tmp_path: Path) -> None:
    assert main(["demo", "--port", "0", "--model", str(folder)]) == 0


def evaluate(root: Path, folder: Path, tmp_path: Path) -> None:
    settings = settings_of(root, folder, f"+evaluate.systems.other={folder}")
    rows = {"file": "a", "line": 1, "sentence1": "El mar.", "sentence2": "La sierra.", "gold": 1.0}
    table = SCORED.empty_table().from_pylist([rows | {"line": n, "gold": float(n % 5)} for n in range(1, 9)], SCORED)
    name = "sts-sample-dev"
    alone = replace(settings.evaluate, benchmarks={name: settings.evaluate.benchmarks[name]})
    encoder = placed(Encoder.load(folder), DEVICE)
    measure_systems(encoder, replace(settings, evaluate=alone), {name: Similarity(name, table)})


def teach(root: Path, folder: Path, tmp_path: Path) -> None:
    settings = settings_of(root, folder)
    for where in (None, str(folder)):
        teacher.teacher_of(where, settings)[0].encode(["El mar."])


def mining(root: Path, folder: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    class Asked:
        texts = pa.chunked_array([["El mar.", "La sierra."]])

    mine.vectors_of(str(folder), Asked(), tmp_path / "vectors.npy", settings_of(root, folder).machine)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")  # figures of zeros
@pytest.mark.parametrize("entrance", [encode, search, similarity, demo, evaluate, teach, mining])
def test_the_encoder_and_its_batches_are_on_the_strongest_device(
    entrance: Callable[[Path, Path, Path], None],
    root: Path,
    encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"El mar.\nLa sierra.\n")))
    entrance(root, encoder_folder, tmp_path)
    assert set(PLACES) == {(DEVICE, DEVICE)}
    assert len(PLACES) >= {evaluate: 3, teach: 2}.get(entrance, 1)


def test_another_device_is_taken_where_one_is_named(encoder_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["similarity", "El mar.", "La sierra.", "--model", str(encoder_folder), "--device", "cpu"]) == 0
    assert set(PLACES) == {("cpu", "cpu")}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_gives_float32_vectors_that_are_nearly_the_same(encoder_folder: Path, precision: Any) -> None:
    texts = ["El mar.", "La sierra está lejos.", ""]
    whole, half = (load_system(str(encoder_folder), "cpu", each).encode(texts) for each in ("float32", precision))
    assert half.dtype == whole.dtype == "float32"
    assert 0 < abs(half - whole).max() < 0.05 * abs(whole).max()
