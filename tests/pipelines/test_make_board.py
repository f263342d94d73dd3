"""The board's script on small systems: figures as the evaluate stage and sentence-transformers compute them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sweep_inputs import COMPOSED, digests, run

from terna import Encoder
from terna.encoder import save
from terna.evaluation.table import BASELINES
from terna.records import sentences_of
from terna.settings import compose
from terna.settings.board import load_board

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("board")]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORDS = [
    "benchmarks=[sts_sample_dev,sts_sample_test]",
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


def board(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_HOME": str(project / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(project / "pipelines" / "board.py"), *WORDS, *words]
    return subprocess.run(line, cwd=project, env=env, capture_output=True, text=True, timeout=300)


def test_the_board_says_what_evaluate_and_sentence_transformers_say(project: Path) -> None:
    done = board(project)
    assert done.returncode == 0, done.stderr
    said = "board: 3 systems on 2 benchmarks, 6 scored now; 1 left out: board/board.md, reports/board.html"
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
            BASELINES.values(), figures["floors"][name]
        )
        keys = {"small": "cosine"} | {shown: key for key, shown in BASELINES.items()}
        for system, source in sources.items():
            for kind in ("pearson", "spearman"):
                row, key = told[name, system, f"cosine_{kind}"], f"{keys[system]}_{kind}"
                assert row["value"] == pytest.approx(source[key], abs=1e-12)
                assert [row["low"], row["high"]] == pytest.approx(source["ci95"][key], abs=1e-12)
    check_neighbour(project, told)


def check_neighbour(project: Path, told: dict) -> None:
    from terna.data.corpora import read_benchmark

    evaluate = load_board(compose(project / "conf", WORDS, "board")).evaluate
    for system, prompt in (("small", ""), ("prompted", "consulta: ")):
        model = SentenceTransformer(str(project / "small"), device="cpu")
        for name in evaluate.benchmarks:
            table = read_benchmark(name, evaluate, project / "board" / "raw")
            first, second = ([prompt + text for text in side] for side in sentences_of(table))
            neighbour = EmbeddingSimilarityEvaluator(
                first, second, table["gold"].to_pylist(), main_similarity="cosine", similarity_fn_names=["cosine"]
            )(model)
            # its cosines are float32, so that pairs which are nearly equal may change places
            for kind, within in (("pearson", 1e-6), ("spearman", 1e-3)):
                assert told[name, system, f"cosine_{kind}"]["value"] == pytest.approx(
                    neighbour[f"{kind}_cosine"], abs=within
                )


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
    assert "2 scored now" in done.stdout, "the folder, not the pinned commit"


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
