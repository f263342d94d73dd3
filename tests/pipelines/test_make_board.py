"""The board's script on small systems: figures as the evaluate stage and sentence-transformers compute them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import (
    BinaryClassificationEvaluator,
    EmbeddingSimilarityEvaluator,
)
from sweep_inputs import COMPOSED, digests, run

from terna import Encoder
from terna.arrays import Floats, Vectors
from terna.data.evaluators import read_evaluator
from terna.encoder import save
from terna.evaluation.table import BASELINES
from terna.metrics.similarity import SIMILARITIES
from terna.settings import compose
from terna.settings.board import load_board
from terna.systems import load_system

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("board")]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
# the neighbour's evaluator of a task, and what it calls the figures
NEIGHBOURS = {
    "sts": (EmbeddingSimilarityEvaluator, {"pearson": "pearson_{}", "spearman": "spearman_{}"}),
    "binary": (BinaryClassificationEvaluator, {"ap": "{}_ap"}),
}
WORDS = [
    "benchmarks=[sts_sample_dev,sts_sample_test]",
    "+benchmarks.labels={format:columns,shape:classed,role:test,exact:false,files:[labels.tsv]}",
    "systems=[minilm]",
    f"+systems.small={{hub:owner/small,revision:{COMMIT}}}",
    "+systems.prompted={path:small,prompts:{query:'consulta: ',document:'',default:query}}",
    "+systems.gone.hub=owner/gone",
]


@pytest.fixture(scope="module")
def project(ready: Path, tmp_path_factory: pytest.TempPathFactory, make_encoder: Callable[..., Encoder]) -> Path:
    """A project with a trained encoder, as if, and a cache in the hub's layout."""
    folder: Path = tmp_path_factory.mktemp("board") / "project"
    shutil.copytree(ready, folder)
    (folder / "labels.tsv").write_text(labelled(folder / "samples" / "sts-test"), encoding="utf-8")
    encoder = make_encoder("model.max_length=128")
    torch.manual_seed(0)
    with torch.no_grad():  # else cosines are alike, and their order depends on rounding
        for value in encoder.parameters():
            value.add_(0.3 * torch.randn_like(value))
    save(encoder, folder / "small")
    save(make_encoder(), folder / "models" / "encoder")
    repo = folder / "hub" / "hub" / "models--owner--small"
    shutil.copytree(folder / "small", repo / "snapshots" / COMMIT)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return folder


def labelled(samples: Path) -> str:
    """Our own graded pairs with labels: 1 for a grade of 3 or more."""
    rows = ["sentence1\tsentence2\tclass"]
    for pairs in sorted(samples.glob("STS.input.*.txt")):
        grades = pairs.with_name(pairs.name.replace("input", "gs")).read_text(encoding="utf-8").splitlines()
        lines = pairs.read_text(encoding="utf-8").splitlines()
        rows += [f"{line}\t{float(grade) >= 3:d}" for line, grade in zip(lines, grades, strict=True)]
    return "\n".join(rows) + "\n"


def board(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_HOME": str(project / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(project / "pipelines" / "board.py"), *WORDS, *words]
    return subprocess.run(line, cwd=project, env=env, capture_output=True, text=True, timeout=300)


def test_the_board_says_what_evaluate_and_sentence_transformers_say(project: Path) -> None:
    done = board(project)
    assert done.returncode == 0, done.stderr
    said = "board: 3 systems on 3 benchmarks, 9 scored now; 1 left out: board/board.md, reports/board.html"
    assert done.stdout.splitlines()[-1] == said
    rows = pq.read_table(project / "board" / "board.parquet").to_pylist()
    told = {(row["benchmark"], row["system"], row["figure"]): row for row in rows if row["figure"]}
    [gone] = [row for row in rows if row["reason"]]
    assert gone["system"] == "gone"
    assert "owner/gone: neither a folder nor available from the hub" in gone["reason"]

    scored = run(project, "evaluate", *COMPOSED, "evaluate.systems.small=small")
    assert scored.returncode == 0, scored.stderr
    figures = json.loads((project / "metrics" / "sts.json").read_text())
    for name in ("sts-sample-dev", "sts-sample-test"):
        sources = {"small": figures["systems"]["small"][name]} | dict.fromkeys(
            BASELINES.values(), figures["baselines"][name]
        )
        keys = {"small": "cosine"} | {shown: key for key, shown in BASELINES.items()}
        for system, source in sources.items():
            for kind in ("pearson", "spearman"):
                row, key = told[name, system, f"cosine_{kind}"], f"{keys[system]}_{kind}"
                assert row["value"] == pytest.approx(source[key], abs=1e-12)
                assert [row["low"], row["high"]] == pytest.approx(source["ci95"][key], abs=1e-12)
    check_neighbour(project, told)


class Precise:
    """What the neighbour's evaluators ask of a model: given vectors, one a text, in float64.

    In float32, its similarities of different pairs can be equal, and then it ranks these pairs alike.
    """

    model_card_data = SimpleNamespace(set_evaluation_metrics=lambda *_: None)

    def __init__(self, texts: list[str], vectors: Vectors) -> None:
        self.vectors = dict(zip(texts, vectors.astype(np.float64), strict=True))

    def encode(self, texts: list[str], **_: object) -> Floats:
        return np.stack([self.vectors[text] for text in texts])


def check_neighbour(project: Path, told: dict) -> None:
    """The neighbour's model gives our vectors, and from these its evaluators compute every figure of the board."""
    evaluate = load_board(compose(project / "conf", WORDS, "board")).evaluate
    ours, theirs = load_system(str(project / "small")), SentenceTransformer(str(project / "small"), device="cpu")
    for name, (shown, prompt) in product(evaluate.benchmarks, (("small", ""), ("prompted", "consulta: "))):
        one = read_evaluator(name, evaluate, project / "board" / "raw")
        vectors = ours.encode(one.texts, prompt=prompt)
        assert vectors == pytest.approx(theirs.encode(one.texts, prompt=prompt), abs=1e-5)
        evaluator, kinds = NEIGHBOURS[evaluate.benchmarks[name].task]
        columns = (one.units[column].to_pylist() for column in ("sentence1", "sentence2", "gold"))
        found = evaluator(*columns, similarity_fn_names=list(SIMILARITIES))(Precise(one.texts, vectors))
        for measure, kind in product(SIMILARITIES, kinds):
            value = told[name, shown, f"{measure}_{kind}"]["value"]
            assert value == pytest.approx(found[kinds[kind].format(measure)], abs=1e-6), (name, shown, measure, kind)


def test_a_second_call_scores_nothing_and_writes_the_same(project: Path) -> None:
    assert board(project).returncode == 0
    before = digests(project / "board")
    done = board(project)
    assert done.returncode == 0, done.stderr
    assert "0 scored now" in done.stdout
    assert digests(project / "board") == before
    # new files of one system
    with (project / "small" / "config_sentence_transformers.json").open("a") as file:
        file.write("\n")
    done = board(project)
    assert "3 scored now" in done.stdout, "the folder, not the pinned commit"


def test_strict_ends_with_status_1_where_something_was_left_out(project: Path) -> None:
    done = board(project, "--strict")
    assert done.returncode == 1
    assert "1 left out" in done.stderr
    nothing = board(project, "systems=[bge_m3]", "~systems.small", "~systems.prompted")
    assert nothing.returncode == 1
    assert "no system is available" in nothing.stderr
    wrong = board(project, "+systems.x={}")
    assert wrong.returncode == 1
    assert "systems.x: hub and path are both null" in wrong.stderr
