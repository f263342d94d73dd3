"""The tutorial's commands, as they are written and in their order, in a clone whose model is small."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from clone_inputs import make_clone, run_block
from documented import blocks

from terna import Encoder

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tutorial")]


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("clone")
    make_clone(root, folder)
    return folder


@pytest.fixture(scope="module")
def told(root: Path, clone: Path) -> dict[str, str]:
    """What each block that is run printed, by its first line."""
    page = (root / "docs" / "tutorial.md").read_text(encoding="utf-8")
    return {
        block.body.split("\n", 1)[0]: run_block(block, clone)
        for block in blocks(page, "sh", "python")
        if not block.reason
    }


def test_every_command_of_the_tutorial_runs_as_written(told: dict[str, str], clone: Path) -> None:
    assert len(told) >= 8
    *_, verdict, report = told["make run"].splitlines()
    assert re.match(r"On sts-sample-test \(test\), this model is [a-z ]+ the best lexical baseline, ", verdict)
    assert report == "Report: reports/index.html"
    assert "To track the changes with git" not in told["make run"]
    [compared] = [printed for command, printed in told.items() if command.startswith("dvc exp show")]
    assert "lower-rate" in compared
    assert "cosine_pearson" in compared
    assert "train.lr" in compared
    assert "5e-05" in compared
    assert "holds" in told["make verify"]


def test_the_pairs_of_its_reader_were_trained_on(told: dict[str, str], clone: Path) -> None:
    assert told
    own = json.loads((clone / "data" / "triplets" / "stats.json").read_text())["corpora"]["own"]
    assert (own["read"], own["kept"], own["triplets"]) == (4, 4, 4)


def test_its_programs_give_the_vectors_of_the_last_run(told: dict[str, str], clone: Path) -> None:
    encoder = Encoder.load(clone / "models" / "encoder")
    [searched] = [printed for command, printed in told.items() if command.startswith("printf 'El tren")]
    assert searched.count("\n") > 3
    table = pq.read_table(clone / "my" / "vectors.parquet")
    found = np.stack(table["vector"].to_numpy(zero_copy_only=False))
    np.testing.assert_allclose(found, encoder.encode(table["text"].to_pylist()), atol=1e-5)
    [printed] = [printed for command, printed in told.items() if command.startswith("from sentence_transformers")]
    one, other = encoder.encode(["El tren llega tarde.", "El tren viene con retraso."])
    cosine = float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    assert f"{cosine:.3f}" in printed
