"""The tokens stage on a start of a folder: its prompt is put before every sentence, and its vocabulary is cut."""

import json
import os
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from composed import compose_once
from folder_inputs import Folder
from transformers import AutoTokenizer

from terna.encoder import build_encoder
from terna.records import (
    CLASSED_PAIRS,
    KEPT,
    MINED,
    PARALLEL,
    POSITIVES,
    RAW_TEXTS,
    SCORED_PAIRS,
    SENTENCES,
    TRIPLETS,
    TUPLES,
    read_table,
    write_table,
)
from terna.settings import Settings
from terna.training.setup import Inputs

PROMPT = "perro : "
ROWS = {"train": ["El perro duerme.", "la leña de encina", "horno"], "dev": ["el alba", "la tienda", "perro duerme"]}
# of neutral and of scored pairs, and a held-out one in capitals
OTHERS = ["encendió el horno", "consulta", "EL ALBA"]


def given(start: Path) -> list[str]:
    return ["model=e5_small", f"model.backbone={start}", "model.revision=null", "model.max_length=24"]


@pytest.fixture
def stage(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """A function that runs the stage on a start with a prompt; gives the folder of the start."""
    for name in ("conf", "pipelines"):
        shutil.copytree(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    start = Folder(options={"prompts": {"query": PROMPT}, "default_prompt_name": "query"}).make(tmp_path)
    for part, texts in ROWS.items():
        write_table(
            pa.table([[text] for text in (*texts, "c")], schema=TRIPLETS),
            Path(f"data/triplets/{part}.parquet"),
            TRIPLETS,
        )
    empty = {
        "positives": POSITIVES,
        "scored": SCORED_PAIRS,
        "tuples": TUPLES,
        "classed": CLASSED_PAIRS,
        "texts": RAW_TEXTS,
    }
    for name, schema in empty.items():
        write_table(schema.empty_table(), Path(f"data/triplets/{name}.parquet"), schema)
    write_table(MINED.empty_table(), Path("data/mined/tuples.parquet"), MINED)
    sentences = pa.table([[*ROWS["train"], *OTHERS]], schema=SENTENCES)
    write_table(sentences, Path("data/triplets/sentences.parquet"), SENTENCES)
    pairs = pa.table([["The bread."], ["la panadera"], ["c"]], schema=PARALLEL)
    write_table(pairs, Path("data/parallel/sentences.parquet"), PARALLEL)
    before = dict(os.environ)

    def run(*words: str) -> Path:
        monkeypatch.setattr(sys, "argv", ["pipelines/tokens.py", *given(start), *words])
        runpy.run_path(str(tmp_path / "pipelines" / "tokens.py"), run_name="__main__")
        return start

    yield run
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_every_sentence_begins_with_the_start_s_prompt(stage: Callable[..., Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(stage())
    inputs = Inputs.load(Path("data/tokens"), None)
    expected = tokenizer([PROMPT + text for texts in ROWS.values() for text in texts])["input_ids"]
    found = [row.tolist() for row in np.split(inputs.table.ids, inputs.table.offsets[1:-1])]
    assert sorted(found) == sorted(expected)
    assert len(inputs.kept) == 0
    assert json.loads(Path("data/tokens/stats.json").read_text())["vocabulary_cut"] is None


def parameters(settings: Settings, inputs: Inputs) -> int:
    """Of the encoder that training starts from."""
    encoder = build_encoder(settings.model, inputs.tokenizer, inputs.starts, inputs.kept)
    return sum(parameter.numel() for parameter in encoder.parameters())


def test_a_cut_keeps_what_text_prompt_and_translations_use_and_tells_what_it_changes(
    root: Path, stage: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    start = stage()
    settings = compose_once(root, given(start))
    before = parameters(settings, Inputs.load(Path("data/tokens"), None))
    whole = AutoTokenizer.from_pretrained(stage("model.vocabulary.keep={min_count:1,size:null}"))
    kept = read_table(Path("data/tokens/kept.parquet"), KEPT)
    pieces = set(kept["piece"].to_pylist())
    assert {"perro", "duerme", "leña", "panadera", "encendió", "consulta", "[MASK]", "a", "##z"} <= pieces
    # the held-out triplets alone have these
    assert not {"alba", "tienda", "antes"} & pieces
    account = json.loads(Path("data/tokens/stats.json").read_text())["vocabulary_cut"]
    assert account == {
        "sentences": 6,
        "entries_before": len(whole),
        "entries": len(kept),
        # the start has embeddings that no entry uses, and they go too
        "parameters_fewer": before - parameters(settings, Inputs.load(Path("data/tokens"), None)),
        "held_out": 3,
        "held_out_changed": pytest.approx(2 / 3),
    }
    assert "66.67% of 3 held-out sentences tokenised differently" in capsys.readouterr().out
    inputs = Inputs.load(Path("data/tokens"), None)
    assert inputs.tokenizer.get_vocab() == {piece: place for place, piece in enumerate(kept["piece"].to_pylist())}
    stage("model.vocabulary.keep={min_count:0,size:100000}")
    assert "(nothing was cut: model.vocabulary.keep leaves every entry; lower its size" in capsys.readouterr().out
