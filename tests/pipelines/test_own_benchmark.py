"""Own benchmarks of each task through the stages, from one file, in a copy of the project."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from composed import small
from made_up_system import WORDS
from stages import STAGES
from sweep_inputs import SMALLEST, run

pytestmark = pytest.mark.slow

HEADERS = {
    "own": "sentence1,sentence2,score",
    "own_binary": "sentence1,sentence2,label",
    "own_ranking": "query,document",
}


def table(choice: str) -> str:
    pairs = np.random.default_rng(3).choice(WORDS, (80, 2))
    last = {"own": lambda n: f",{n % 6}", "own_binary": lambda n: f",{n % 2}", "own_ranking": lambda n: ""}[choice]
    rows = (f"El {one} es el {n}.,Un {two} era {n}.{last(n)}\n" for n, (one, two) in enumerate(pairs))
    return f"{HEADERS[choice]}\n{''.join(rows)}"


@pytest.mark.parametrize("choice", HEADERS)
def test_one_file_chooses_and_tests_an_encoder(ready: Path, tmp_path: Path, encoder_folder: Path, choice: str) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    outside = tmp_path / "outside"
    shutil.copytree(encoder_folder, outside / "older")
    (outside / "table.csv").write_text(table(choice))
    words = [f"evaluate={choice}", f"evaluate.benchmarks.own.files=[{outside}/table.csv]"]
    words += [f"+evaluate.systems.older={outside}/older"]
    assert run(project, "compose", *small([*SMALLEST, *words])).returncode == 0
    told: dict[str, Any] = {}
    for stage in STAGES:
        done = run(project, stage, "--config-path=..", "--config-name=params")
        assert done.returncode == 0, done.stdout + done.stderr
        told[stage] = done.stdout
    assert "of a file that it shares with own-dev" in told["evaluate"]
    scores = json.loads((project / "metrics" / "sts.json").read_text())
    trained = json.loads((project / "metrics" / "train.json").read_text())
    score = trained["selected_on"].split()[1]
    assert scores["own-dev"][score] == pytest.approx(trained["selected_score"], abs=1e-6)
    assert scores["own-dev"]["n"] + scores["own"]["n"] == 80
    assert pq.read_table(project / "predictions" / "own.parquet").num_rows == scores["own"]["n"]
    assert "was split off the file of" in (project / "release" / "README.md").read_text()
    assert "was split off the file of" in (project / "reports" / "index.html").read_text()
    published = [path for place in ("release", "reports", "metrics", "plots") for path in (project / place).rglob("*")]
    assert not [path for path in published if path.is_file() and str(tmp_path).encode() in path.read_bytes()]
    assert json.loads((project / "release" / "lineage.json").read_text())["settings"]["evaluate"]["systems"] == {
        "older": "older"
    }
    assert run(project, "release", "--verify").returncode == 0
    # how the file is read is part of what training read
    read = json.loads((project / "models" / "made.json").read_text())["read"]
    assert "data/raw/sts/own-dev/fetched.json" in read
    # a soup of one encoder is that encoder, and finals rank what a seed's run kept above or beside its start
    done = run(project, "soup", "models/encoder")
    assert f"best: models/encoder, {trained['selected_score']:.4f}" in done.stdout, done.stdout + done.stderr
    done = run(project, "search", "--trials", "1", "--finals", "1", "--seeds", "1", "train.lr=1e-3,1e-2")
    assert done.returncode == 0, done.stdout + done.stderr
    [searched] = (project / "search").glob("*.json")
    runs = {one["system"]: one["runs"] for one in json.loads(searched.read_text())["finals"]["standings"]}
    seeded = json.loads((searched.with_suffix("") / "0-seed-1" / "metrics" / "train.json").read_text())
    assert runs == {
        "the start": [pytest.approx(seeded["start_score"])],
        "trial 0": [pytest.approx(seeded["selected_score"])],
    }
