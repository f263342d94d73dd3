"""The examples of docs/adding.md: their files as they are printed, in a copy of the project, and the stages run."""

import csv
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from bert_inputs import save_bert
from documented import blocks, commands, overrides, section
from sweep_inputs import SMALLEST, digests, run
from torch.nn import TripletMarginWithDistanceLoss
from torch.nn.functional import cosine_similarity
from transformers import BertModel

from terna import Encoder
from terna.records import sha256_of
from terna.settings import compose, load

pytestmark = pytest.mark.slow

FILES = ("json", "yaml", "python")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "adding.md").read_text(encoding="utf-8")


@pytest.fixture
def project(ready: Path, tmp_path: Path) -> Path:
    """The sample with a very small model, ready to train."""
    return Path(shutil.copytree(ready, tmp_path / "project"))


def follow(page: str, heading: str, project: Path) -> list[str]:
    """Write the files of a section and run its shell's commands, but those of DVC: of these give what they override."""
    part = section(page, heading)
    for block in blocks(part, *FILES):
        assert block.title, block.body
        path = project / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, encoding="utf-8")
    for block in blocks(part, "sh"):
        if not block.body.startswith(("dvc", "make")):
            subprocess.run(["bash", "-euc", block.body], cwd=project, check=True)
    [asked] = [command for command in commands(part) if command.startswith("dvc exp run")]
    assert overrides(asked)
    return overrides(asked)


def stages(project: Path, words: list[str], *names: str) -> None:
    for name in names:
        done = run(project, name, *SMALLEST, *words)
        assert done.returncode == 0, done.stdout + done.stderr


def read(path: Path) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(path.read_text())
    return found


def test_a_corpus_comes_into_the_mix_and_gives_the_triplets_that_the_page_says(page: str, project: Path) -> None:
    before = pq.read_table(project / "data" / "triplets" / "train.parquet").num_rows
    words = follow(page, "A corpus", project)
    stages(project, [*words, "triplets.dev_fraction=0.0"], "fetch", "translate", "triplets")
    account = read(project / "data" / "triplets" / "stats.json")["corpora"]["weather"]  # type: ignore[index]
    assert (account["read"], account["kept"], account["triplets"]) == (5, 5, 4)
    table = pq.read_table(project / "data" / "triplets" / "train.parquet").to_pylist()
    assert len([row for row in table if row["corpus"] == "weather"]) == 4
    assert len(table) > before


def test_a_backbone_in_a_folder_is_trained_and_exported(page: str, project: Path) -> None:
    words = follow(page, "A backbone", project)
    save_bert(project / "my" / "backbone", project)
    words = [*words, *(f"++{word}" for word in SMALLEST if not word.startswith("model."))]
    for name in ("mine", "tokens", "train"):
        done = run(project, name, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    encoder = Encoder.load(project / "models" / "encoder")
    assert encoder.backbone.config.model_type == "bert"
    assert encoder.max_length == 64
    started = BertModel.from_pretrained(project / "my" / "backbone").state_dict()
    moved = encoder.backbone.state_dict()
    name = "encoder.layer.0.attention.self.query.weight"
    # of random weights, which are drawn with a spread of 0.02, some would lie further away
    assert (moved[name] - started[name]).abs().max() < 0.02, "trained from those weights on"
    assert len(Path(project / "plots" / "loss.csv").read_text().splitlines()) > 1


def test_a_benchmark_is_scored_and_leaves_the_tokens_as_they_are(page: str, project: Path) -> None:
    stages(project, [], "train")
    before = digests(project / "data" / "tokens")
    words = follow(page, "A benchmark", project)
    stages(project, words, "fetch", "triplets", "mine", "tokens", "evaluate")
    assert digests(project / "data" / "tokens") == before
    found = read(project / "metrics" / "sts.json")
    assert set(load(compose(project / "conf", words)).evaluate.benchmarks) <= set(found)
    encoder = Encoder.load(project / "models" / "encoder")
    lines = (project / "my" / "sts" / "STS.input.weather.txt").read_text().splitlines()
    left, right = (encoder.encode(list(side)) for side in zip(*(line.split("\t") for line in lines), strict=True))
    cosines = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    gold = [float(line) for line in (project / "my" / "sts" / "STS.gs.weather.txt").read_text().split()]
    expected = np.corrcoef(cosines, gold)[0, 1]
    assert found["sts-weather"]["cosine_pearson"] == pytest.approx(expected, abs=1e-4)  # type: ignore[index]


def test_a_loss_of_ones_own_is_trained_with_and_stated_with_its_digest(page: str, project: Path) -> None:
    words = follow(page, "A loss", project)
    stages(project, words, "train")
    with (project / "plots" / "loss.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    # random weights tell no negative from a positive: the first step's loss is about the margin, not the log of 128
    assert losses[0] == pytest.approx(0.3, abs=0.1)
    told = read(project / "metrics" / "train.json")
    digest = sha256_of(project / "my" / "margin.py")
    assert len(losses) == told["steps"]
    assert (told["losses"], told["own_losses"]) == (["my.margin.margin_loss"], {"my.margin.margin_loss": digest})
    stages(project, words, "evaluate", "release")
    card = (project / "release" / "README.md").read_text()
    assert "Its own loss, `my.margin.margin_loss`, on triplets, with parameters" in card
    assert f"'sha256': '{digest}'" in card
    loss = imported(project / "my" / "margin.py").margin_loss
    anchors, positives, negatives = torch.randn(3, 9, 5, generator=torch.Generator().manual_seed(3))
    other = TripletMarginWithDistanceLoss(distance_function=lambda a, b: 1 - cosine_similarity(a, b), margin=0.3)
    torch.testing.assert_close(loss([anchors, positives, negatives], None), other(anchors, positives, negatives))


def imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("own_loss", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
