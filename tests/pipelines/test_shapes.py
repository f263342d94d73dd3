"""Examples of every shape in one run, from the tables that the triplets stage writes to an encoder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors import safe_open
from sweep_inputs import SMALLEST, run

from terna.data.teacher_vectors import TeacherVectors
from terna.data.token_table import TokenTable
from terna.records import CLASSED_PAIRS, SCORED_PAIRS, TUPLES, write_table

pytestmark = pytest.mark.slow


def test_a_mix_of_all_shapes_goes_from_its_tables_to_an_encoder(ready: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    folder, corpus = project / "data" / "triplets", ["sample"] * 70
    texts = [[f"{word} de la fila {row}" for row in range(70)] for word in ("ancla", "eco", "sombra", "ruido")]
    none: list[list[str]] = [[]] * 70
    two = [list(pair) for pair in zip(*texts[2:], strict=True)]
    tuples = [
        pa.table(dict(zip(TUPLES.names, (*texts[:2], each, corpus), strict=True)), TUPLES) for each in (none, two)
    ]
    write_table(pa.concat_tables(tuples), folder / "tuples.parquet", TUPLES)
    scores = np.linspace(0, 1, 70)
    write_table(pa.table([*texts[1:3], scores, corpus], schema=SCORED_PAIRS), folder / "scored.parquet", SCORED_PAIRS)
    classes = ["igual", "otra"] * 35
    write_table(
        pa.table([*texts[:2], classes, corpus], schema=CLASSED_PAIRS), folder / "classed.parquet", CLASSED_PAIRS
    )
    teacher = "train.similarity_distillation={weight:1.0,teacher:" + str(encoder_of(project)) + "}"
    for stage in ("mine", "tokens", "teacher", "train"):
        done = run(project, stage, *SMALLEST, teacher)
        assert done.returncode == 0, done.stderr
    stats = json.loads((project / "data" / "tokens" / "stats.json").read_text())
    assert stats["classes"] == ["igual", "otra"]
    table, taught = TokenTable.load(project / "data" / "tokens"), TeacherVectors.load(project / "data" / "teacher")
    assert len(taught) == len(table.keys) == stats["sentences"]
    told = json.loads((project / "metrics" / "train.json").read_text())
    units = ("tuples_of_2", "tuples_of_4", "classed_pairs", "scored_pairs")
    assert [told[unit] for unit in units] == [70] * 4
    assert told["losses"] == ["ranking", "softmax", "CoSENT"]
    assert told["steps"] == told["steps_per_epoch"][0] == told["triplets_steps_per_epoch"][0] + 4
    with safe_open(project / "models" / "encoder" / "model.safetensors", framework="numpy") as file:
        assert not [name for name in file.keys() if "classifier" in name]  # noqa: SIM118


def encoder_of(project: Path) -> Path:
    """A teacher: what one epoch on the triplets alone makes."""
    done = run(project, "train", *SMALLEST)
    assert done.returncode == 0, done.stderr
    return Path(shutil.move(project / "models" / "encoder", project / "teacher"))
