"""mteb runs its own tasks on our encoder, and its figures are those of scipy on our vectors."""

import json
import runpy
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mteb_tasks
import numpy as np
import pytest
from datasets import Dataset
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer

from terna.encoder import Encoder, Usage, save
from terna.errors import DataError
from terna.metrics.similarity import pairwise
from terna.systems.mteb_adapter import Adapter, prompt_for

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
    # what mteb's board takes: mteb itself finds the record there, under the model's name
    [submitted] = (tmp_path / "mteb_results" / "results").glob(f"terna__{folder.name}/*/FivePairs.json")
    assert json.loads(submitted.read_text())["scores"] == record["scores"]
    meta = json.loads((submitted.parent / "model_meta.json").read_text())
    assert (meta["name"], meta["revision"]) == (f"terna/{folder.name}", submitted.parent.name)


@pytest.mark.slow
def test_a_model_of_the_hub_is_filed_under_its_name_and_commit(
    make_encoder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    save(make_encoder(), tmp_path / commit)
    monkeypatch.setattr("terna.systems.locate", lambda where: tmp_path / commit)
    assert mteb_tasks.identity("owner/small@main") == ("owner/small", commit)


def test_all_pairs_are_compared_by_the_cosine(make_encoder: Make) -> None:
    encoder = make_encoder()
    adapter = Adapter(encoder, None)
    task = SimpleNamespace(name="FivePairs", type="STS")
    first = adapter.encode([{"text": LEFT[:2]}, {"text": LEFT[2:]}], task_metadata=task)
    second = adapter.encode([{"text": RIGHT[:3]}], task_metadata=task)
    every = adapter.similarity(first, second)
    assert every.shape == (5, 3)
    np.testing.assert_allclose(np.diag(every), adapter.similarity_pairwise(first[:3], second), atol=1e-12)


NAMES = ["Search-query", "Search", "Retrieval-query", "Retrieval", "query", "document"]


@pytest.mark.parametrize("names", [NAMES[first:] for first in range(len(NAMES) + 1)])
@pytest.mark.parametrize("side", ["query", "document", None])
def test_a_prompt_is_chosen_in_the_documented_order(names: list[str], side: str | None) -> None:
    """1. task name and prompt type, 2. task name, 3. task type and prompt type, 4. task type, 5. prompt type."""
    usage = Usage({name: f"{name}: " for name in [*names, "other"]}, "other")
    order = [f"Search-{side}", "Search", f"Retrieval-{side}", "Retrieval", str(side)]
    # without any of them, and with a prompt type, sentence-transformers puts nothing
    expected = next((f"{name}: " for name in order if name in names), "" if side else "other: ")
    assert prompt_for(usage, "Search", "Retrieval", side) == expected


def test_an_encoder_s_prompts_are_put_as_mteb_s_own_wrapper_puts_them(
    make_encoder: Make, mteb: Any, task: Any, tmp_path: Path
) -> None:
    from mteb.models import SentenceTransformerEncoderWrapper
    from mteb.types import PromptType
    from torch.utils.data import DataLoader

    encoder = make_encoder()
    encoder.usage = Usage(
        {"query": "busca: ", "document": "texto: ", "STS-query": "mide: ", "Retrieval": "r: "}, "query"
    )
    save(encoder, tmp_path / "encoder")
    with warnings.catch_warnings(action="ignore"):  # mteb's, of its own arguments
        wrapper = SentenceTransformerEncoderWrapper(SentenceTransformer(str(tmp_path / "encoder"), device="cpu"))
    ours, retrieval = mteb_tasks.adapted(str(tmp_path / "encoder")), mteb.get_task("MintakaRetrieval").metadata
    clustering = mteb.get_task("MLSUMClusteringS2S").metadata
    inputs = DataLoader(Dataset.from_dict({"text": LEFT}), batch_size=2)
    for metadata in (task.metadata, retrieval, clustering):
        for side in (PromptType.query, PromptType.document, None):
            given: Any = {"task_metadata": metadata, "hf_split": "test", "hf_subset": "default", "prompt_type": side}
            expected = np.asarray(wrapper.encode(inputs, **given, show_progress_bar=False))
            np.testing.assert_allclose(ours.encode(inputs, **given), expected, atol=1e-5)


def test_prompts_of_the_command_go_before_the_encoder_s_and_the_table_says_which_were_put(
    folder: Path, task: Any, mteb: Any
) -> None:
    model = mteb_tasks.adapted(str(folder), mteb_tasks.named(["STS=mide: "]))
    record = mteb_tasks.scored(model, task)
    encoder = Encoder.load(folder)
    cosine = pairwise(encoder.encode(LEFT, prompt="mide: "), encoder.encode(RIGHT, prompt="mide: "))["cosine"]
    assert record.scores["test"][0]["main_score"] == pytest.approx(spearmanr(GOLD, cosine).statistic, abs=1e-6)
    assert '"mide: "' in mteb_tasks.markdown("x", [record], model.used)


def test_a_word_that_is_no_prompt_is_refused() -> None:
    with pytest.raises(DataError, match=r"--prompt query: a name, = and a text are needed"):
        mteb_tasks.named(["query"])
    assert mteb_tasks.named(["query=a=b "]) == {"query": "a=b "}


def test_data_that_cannot_be_had_are_named(
    folder: Path, mteb: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(mteb.get_task("STSES").__class__, "load_data", fail)
    assert "STSES: its data, mteb/STSES, are not available: no network" in failing(
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
