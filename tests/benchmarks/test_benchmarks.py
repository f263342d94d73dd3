"""The benchmarks still run: those that need neither corpora nor minutes, as small as they go; all can be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clone_inputs import make_clone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small clone with the benchmarks, which write beside themselves."""
    folder: Path = tmp_path_factory.mktemp("benchmarks")
    make_clone(root, folder)
    shutil.copytree(root / "benchmarks", folder / "benchmarks", ignore=shutil.ignore_patterns("out", "__pycache__"))
    return folder


def run(clone: Path, *words: str) -> str:
    places = (
        clone / "src",
        clone / "benchmarks",
        Path(__file__).parents[1] / "helpers",
    )  # one takes a stand-in from the tests
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    done = subprocess.run([sys.executable, *words], cwd=clone, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_can_be_imported(clone: Path) -> None:
    names = sorted(path.stem for path in (clone / "benchmarks").glob("*.py"))
    assert len(names) >= 10
    run(clone, "-c", f"import {', '.join(names)}")


def test_a_run_that_is_killed_ends_in_the_same_bytes(clone: Path) -> None:
    assert run(clone, "benchmarks/kills.py", "--kills", "1").strip().endswith("same bytes")


def test_a_parquet_file_of_pairs_goes_through_to_tokens_and_each_step_is_measured(clone: Path) -> None:
    told = run(clone, "benchmarks/columns.py", "300", "600")
    assert "300 rows kept of 300" in told and "600 rows kept of 600" in told
    assert len((clone / "benchmarks" / "out" / "columns.md").read_text().splitlines()) == 6


def test_differences_are_found_as_often_as_a_plan_predicts(clone: Path) -> None:
    words = ["--experiments", "200", "--resamples", "300", "--sizes", "250", "--differences", "0", "0.03", "0.06"]
    *rows, _, told = run(clone, "benchmarks/power.py", *words, "--runs", "1", "--plans", "20").strip().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert len(cells) == 9
    apart = [float(difference) for *_, difference, _ in cells]
    assert abs(sum(apart) / 9) <= 0.05
    # 200 experiments have a standard error of .035 at most
    assert max(map(abs, apart)) <= 0.12
    # the power is neither that of chance nor certain
    assert any(0.2 < float(cell[4]) < 0.9 for cell in cells)
    assert told.startswith("Realised less predicted: ")


def test_rows_in_another_order_give_the_same_bytes(clone: Path) -> None:
    told = run(clone, "benchmarks/scale.py", "500", "--same", "--model", "tiny")
    assert told.count(": same\n") == 3
