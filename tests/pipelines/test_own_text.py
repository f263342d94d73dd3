"""Raw text alone through the stages: to an encoder that is chosen and compared on pairs held out of the same text."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_up_system import WORDS
from safetensors import safe_open
from stages import STAGES
from sweep_inputs import SMALLEST, run

from terna.records import RAW_TEXTS, TUPLES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("option", ["train.loss.texts=tsdae", "corpora.own.pairs=neighbours"])
def test_a_text_alone_gives_an_encoder_that_is_compared_on_what_is_held_out_of_it(
    ready: Path, tmp_path: Path, option: str
) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    (project / "my").mkdir()
    lines = [f"Hoy {WORDS[row % len(WORDS)]} vio {row * 7919} luces en el puerto {row}." for row in range(120)]
    (project / "my" / "text.txt").write_text("\n".join(lines))
    own = [
        "experiment=own_text",
        "corpora.own.files=[my/text.txt]",
        "model=tiny",
        *SMALLEST,
        "train.batch_size=16",
    ]
    done = run(project, "compose", *own, option)
    assert done.returncode == 0, done.stderr
    told = {}
    for stage in STAGES:
        done = run(project, stage, "--config-path=..", "--config-name=params")
        assert done.returncode == 0, done.stdout + done.stderr
        told[stage] = done.stdout
    scores = json.loads((project / "metrics" / "sts.json").read_text())
    held = set(pq.read_table(project / "predictions" / "own-dev.parquet")["query"].to_pylist())
    assert scores["own-dev"]["n"] == len(held) == 6 and held < set(lines)
    pairs = option.startswith("corpora")
    kind, schema = ("tuples", TUPLES) if pairs else ("texts", RAW_TEXTS)
    table = pq.read_table(project / "data" / "triplets" / f"{kind}.parquet")
    trained = set(table[schema.names[0]].to_pylist())
    assert trained < set(lines) and not trained & held
    trained_on = json.loads((project / "metrics" / "train.json").read_text())
    assert trained_on["tuples_of_2" if pairs else "texts"] == len(table)
    assert trained_on.get("losses") == (None if pairs else ["TSDAE"])
    assert trained_on["selected_on"] == "own-dev cosine_ndcg@10"
    card = (project / "release" / "README.md").read_text()
    assert f"on {len(table)} " in card and ("[TSDAE](https://arxiv.org/abs/2104.06979)" in card) != pairs
    assert "tfidf_words" in json.dumps(scores["baselines"]) and "lexical" in card
    with safe_open(project / "models" / "encoder" / "model.safetensors", framework="numpy") as file:
        assert not [name for name in file.keys() if "crossattention" in name]  # noqa: SIM118
