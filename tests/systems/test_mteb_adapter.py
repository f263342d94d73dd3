"""mteb runs its own tasks on our encoder, and its figures are those of scipy on our vectors."""

import json
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mteb_tasks
import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from terna.encoder import Encoder, save
from terna.metrics.similarity import pairwise
from terna.systems.mteb_adapter import Adapter

Make = Callable[..., Encoder]
LEFT = ["La sopa está fría.", "El río creció de noche.", "Ana vendió la bici.", "El tren sale a las ocho.", "Llueve."]
RIGHT = [
    "El caldo se enfrió.",
    "El perro ladra mucho.",
    "Ana ya no tiene bici.",
    "Hay un tren a las ocho.",
    "Cae agua.",
]
GOLD = [4.2, 0.0, 4.4, 3.9, 4.0]


@pytest.fixture
def mteb() -> Any:
    """mteb; skips where it is not installed."""
    return pytest.importorskip("mteb", reason="mteb is not installed: pip install -e '.[mteb]'")


@pytest.fixture
def task(mteb: Any) -> Any:
    """A task of mteb with its data in memory."""
    from datasets import Dataset
    from mteb.abstasks.sts import AbsTaskSTS
    from mteb.abstasks.task_metadata import TaskMetadata

    class FivePairs(AbsTaskSTS):  # type: ignore[misc]  # mteb may be missing
        metadata = TaskMetadata(
            name="FivePairs",
            dataset={"path": "none/none", "revision": "1"},
            description="Made in a test.",
            type="STS",
            category="t2t",
            eval_splits=["test"],
            eval_langs=["spa-Latn"],
            main_score="cosine_spearman",
        )

        def load_data(self, **_: object) -> None:
            rows = Dataset.from_dict({"sentence1": LEFT, "sentence2": RIGHT, "score": GOLD})
            self.dataset, self.data_loaded = {"test": rows}, True

    return FivePairs()


@pytest.fixture
def folder(make_encoder: Make, tmp_path: Path) -> Iterator[Path]:
    """A small exported encoder."""
    save(make_encoder(), tmp_path / "encoder")
    yield tmp_path / "encoder"


def test_the_main_score_of_a_task_is_scipys_figure_on_our_vectors(folder: Path, task: Any, mteb: Any) -> None:
    model = mteb_tasks.adapted(str(folder))
    assert isinstance(model, mteb.EncoderProtocol)
    record = mteb_tasks.scored(model, task)
    encoder = Encoder.load(folder)
    cosine = pairwise(encoder.encode(LEFT), encoder.encode(RIGHT))["cosine"]
    [found] = record.scores["test"]
    assert found["main_score"] == pytest.approx(spearmanr(GOLD, cosine).statistic, abs=1e-6)
    assert found["cosine_pearson"] == pytest.approx(pearsonr(GOLD, cosine).statistic, abs=1e-6)
    assert found["pearson"] == pytest.approx(found["cosine_pearson"], abs=1e-6)
    assert f"| FivePairs | test | default | {found['main_score']:.4f} |" in mteb_tasks.markdown("x", [record])


def test_the_command_writes_what_mteb_measured(
    root: Path, tmp_path: Path, folder: Path, task: Any, mteb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipelines").mkdir()
    script = shutil.copy(root / "pipelines" / "mteb_tasks.py", tmp_path / "pipelines")
    monkeypatch.setattr(mteb, "get_tasks", lambda **_: [task])
    monkeypatch.setattr(sys, "argv", [script, "FivePairs", "--encoder", str(folder)])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(script, run_name="__main__")
    record = json.loads((tmp_path / "mteb_results" / "FivePairs.json").read_text())
    main = record["scores"]["test"][0]["main_score"]
    assert f"| FivePairs | test | default | {main:.4f} |" in (tmp_path / "mteb_results" / "results.md").read_text()


def test_all_pairs_are_compared_by_the_cosine(make_encoder: Make) -> None:
    encoder = make_encoder()
    adapter = Adapter(encoder, None)
    first, second = adapter.encode([{"text": LEFT[:2]}, {"text": LEFT[2:]}]), adapter.encode([{"text": RIGHT[:3]}])
    every = adapter.similarity(first, second)
    assert every.shape == (5, 3)
    np.testing.assert_allclose(np.diag(every), adapter.similarity_pairwise(first[:3], second), atol=1e-12)


def test_data_that_cannot_be_had_are_named(
    folder: Path, mteb: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(mteb.get_task("STSES").__class__, "load_data", fail)
    assert "STSES: its data, mteb/STSES, cannot be had: no network" in failing(
        root, monkeypatch, capsys, "STSES", "--encoder", str(folder)
    )
    assert "'STSESS' not found" in failing(root, monkeypatch, capsys, "STSESS")
    assert "STS12: no subset in spa alone" in failing(root, monkeypatch, capsys, "STS12")


def test_it_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mteb", None)
    assert "pip install -e '.[mteb]'" in failing(root, monkeypatch, capsys, "STSES")


def failing(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says when it fails."""
    monkeypatch.setattr(sys, "argv", [str(root / "pipelines" / "mteb_tasks.py"), *words])
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(sys.argv[0], run_name="__main__")
    assert caught.value.code == 1
    return capsys.readouterr().err
