"""The two commands of docs/own_data.md in a clone: from two files to an encoder compared with the start it had."""

import json
import re
from pathlib import Path

import pytest
from clone_inputs import make_clone, run_block
from documented import Block, blocks
from new_inputs import nli, scored, table

pytestmark = pytest.mark.slow


def test_two_files_and_two_commands_give_an_encoder_compared_with_its_start(root: Path, tmp_path: Path) -> None:
    make_clone(root, tmp_path / "clone")
    folder = tmp_path / "clone" / "my"
    folder.mkdir()
    table(folder / "pairs.csv", ("premise", "hypothesis", "label"), nli(20))
    table(folder / "scores.csv", ("a", "b", "nota"), scored())
    page = (root / "docs" / "own_data.md").read_text(encoding="utf-8")
    new, run = blocks(page, "sh")[0].body.splitlines()
    assert f"Run it:\n  {run}\n" in run_block(Block("sh", new, None, None), tmp_path / "clone")
    told = run_block(Block("sh", run, None, None), tmp_path / "clone")
    assert re.search(r"^On own \(test\), this model is .* the best lexical baseline", told, re.MULTILINE)
    scores = json.loads((tmp_path / "clone" / "metrics" / "sts.json").read_text())
    assert scores["own-dev"]["n"] + scores["own"]["n"] == 60
    assert "the backbone, untouched" in {one["system"] for one in scores["comparisons"]["own"]}
    assert (tmp_path / "clone" / "release" / "encoder" / "model.safetensors").is_file()
