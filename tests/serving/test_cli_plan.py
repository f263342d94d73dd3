"""`python -m terna plan` from words to a table, and its refusals."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terna.serving.cli import main


@pytest.fixture
def predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """predictions/ of a project whose folder is the working directory, with two benchmarks."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    rng = np.random.default_rng(1)
    gold, shared, ours, theirs = rng.normal(size=(4, 100))
    texts = {side: [f"{side} {row}" for row in range(100)] for side in ("sentence1", "sentence2")}
    columns = {"gold": gold, "cosine": gold + shared + ours, "jaccard": gold + shared + theirs}
    for name in ("dev", "test"):
        pq.write_table(pa.table({**texts, **columns}), folder / f"{name}.parquet")
    monkeypatch.chdir(tmp_path)
    return folder


def test_all_benchmarks_on_record_are_planned_and_the_same_words_give_the_same_bytes(
    predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        assert main(["plan", "--difference", "0.02"]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert "**dev** (100 pairs, 100 of them distinct)" in told[0] and "**test** (100 pairs" in told[0]
    assert told[0].count("| word overlap (Jaccard) | cosine_spearman |") == 2
    assert "power at 0.02 | can show 0.02 | distinct pairs needed |" in told[0]


def test_two_tables_are_planned_with_seeds(predictions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "predictions/dev.parquet", "--against", "predictions/test.parquet", "--seed-sd", "0.01"]
    assert main([*words, "--runs", "3"]) == 0
    told = capsys.readouterr().out
    assert "| the other model | cosine_pearson | 0.0000 |" in told
    assert "Seeds are counted for both models, the mean of 3 runs each." in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--against", "predictions/dev.parquet"], "0 tables given; give the one to compare it with"),
        (["--runs", "3"], "--runs 3: give --seeds or --seed-sd too"),
        (["none.parquet"], "none.parquet: not there"),
        (["--measure", "dot"], "dev.parquet: no column dot; give a --measure that this benchmark is scored by"),
        (["--seeds", "seeds/none.json"], "seeds/none.json: not there"),
    ],
)
def test_what_cannot_be_planned_is_told_on_one_line(
    predictions: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["plan", *words]) == 1
    found = capsys.readouterr()
    assert (found.out, found.err.count("\n")) == ("", 1)
    assert told in found.err


@pytest.mark.parametrize("word", ["0", "-0.1", "1", "nan", "two"])
def test_a_difference_that_is_none_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], word: str
) -> None:
    with pytest.raises(SystemExit):
        main(["plan", f"--difference={word}"])
    assert "a number between 0 and 1 is needed, such as 0.02" in capsys.readouterr().err
