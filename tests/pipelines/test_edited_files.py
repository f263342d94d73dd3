"""One's own files under DVC: what reads one that was edited runs again."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from clone_inputs import make_clone

pytestmark = pytest.mark.slow

WORDS = [
    "corpora=pairs",
    "evaluate=own",
    "evaluate.benchmarks.own.files=[my/scores.csv]",
    "train.loss.tuples=my.loss.farther",
]
CORPUS = "pairs: {format: columns, shape: pairs, files: [my/pairs.csv], exact: false}"
LOSS = """
def farther(embeddings, labels):
    return SCALE * (embeddings[0] - embeddings[1]).square().mean()
"""


def dvc(clone: Path, *words: str) -> list[str]:
    """The stages that a command ran, but for the one that looks at the files."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(clone / "src"), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run([sys.executable, *words], cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [name for name in re.findall(r"Running stage '(.+)'", done.stdout) if name != "local"]


def test_what_reads_an_edited_file_or_loss_runs_again_and_nothing_else_does(root: Path, tmp_path: Path) -> None:
    make_clone(root, tmp_path)
    (tmp_path / "conf" / "corpora" / "pairs.yaml").write_text(CORPUS)
    my, subjects = tmp_path / "my", ("perro", "gato", "río", "pan", "tren", "mar", "sol", "viento")
    my.mkdir()
    rows = [f"El {one} llegó {n}.,Vino {n} el {one}." for n in range(20) for one in subjects]
    (my / "pairs.csv").write_text("anchor,positive\n" + "".join(f"{row}\n" for row in rows))
    scored = "".join(f"Un {one} {n}.,Otro {one} {n}.,{n % 6}\n" for n in range(8) for one in subjects)
    (my / "scores.csv").write_text(f"sentence1,sentence2,score\n{scored}")
    (my / "loss.py").write_text(LOSS.replace("SCALE", "1.0"))
    assert dvc(tmp_path, "pipelines/compose.py", *WORDS) == []
    benchmarks, repro = ["benchmarks@own-dev", "benchmarks@own"], ("-m", "dvc", "repro")
    fetch = (*repro, "fetch", "benchmarks")
    assert sorted(dvc(tmp_path, *fetch)) == sorted(["fetch@pairs", *benchmarks])
    assert dvc(tmp_path, *fetch) == []

    with (my / "pairs.csv").open("a") as file:
        file.write("Nieva en la sierra.,La sierra está blanca.\n")
    assert dvc(tmp_path, *fetch) == ["fetch@pairs"]
    assert "Nieva" in (tmp_path / "data" / "raw" / "nli" / "pairs" / "pairs.csv").read_text()

    (my / "scores.csv").write_text(f"sentence1,sentence2,score\n{scored.replace(',5', ',0')}")
    options = [part for word in WORDS for part in ("-S", word)]
    assert sorted(dvc(tmp_path, "-m", "dvc", "exp", "run", "fetch", "benchmarks", *options)) == sorted(benchmarks)

    assert dvc(tmp_path, *repro, "train")[-1] == "train"
    trained = (tmp_path / "metrics" / "train.json").read_text()
    (my / "loss.py").write_text(LOSS.replace("SCALE", "100.0"))
    assert dvc(tmp_path, *repro, "train") == ["train"]
    assert (tmp_path / "metrics" / "train.json").read_text() != trained
