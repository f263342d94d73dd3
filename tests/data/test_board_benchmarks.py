"""The board's benchmarks are read from files in the formats of their sources, and their rows are counted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terna.data.corpora import read_benchmark
from terna.data.evaluators import Binary, Similarity, read_evaluator
from terna.errors import DataError
from terna.settings import compose
from terna.settings.board import Board, load_board

ROWS = [("Un perro corre .", 'Dice " no " .', 1.5), ("Nieva .", "NS", 4.0), ("Hay pan .", "Hay pan , poco .", 3.25)]


def sick(folder: Path) -> None:
    """As SentEval has it: tabs, a header, no quotes."""
    lines = [f"{n}\t{one}\t{other}\t{score}\tNEUTRAL\n" for n, (one, other, score) in enumerate(ROWS, 6)]
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgement\n"
    (folder / "SICK_test.txt").write_text(header + "".join(lines), encoding="utf-8")


def paws(folder: Path) -> None:
    """As SentEval has paraphrases: the label first."""
    lines = [f"{score < 2:d}\t{one}\t{other}\n" for one, other, score in ROWS]
    text = "Quality\t#1 String\t#2 String\n" + "".join(lines)
    (folder / "paraphrase_test.txt").write_text(text, encoding="utf-8")


def sts22(folder: Path) -> None:
    """A data file of the hub, as it lies once it is fetched."""
    (folder / "dataset" / "es").mkdir(parents=True)
    columns = dict(zip(("sentence1", "sentence2", "score"), map(list, zip(*ROWS, strict=True)), strict=True))
    pq.write_table(pa.table({"id": ["1", "2", "3"], **columns, "lang": ["es"] * 3}), folder / "dataset/es/test.parquet")


WRITERS: dict[str, tuple[Callable[[Path], None], int]] = {
    "sick-es": (sick, 4906),
    "paws-es": (paws, 2000),
    "sts22-es": (sts22, 200),
}


@pytest.fixture(scope="module")
def board(root: Path) -> Board:
    return load_board(compose(root / "conf", [], "board"))


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_the_format_of_its_source_is_read_and_its_pairs_are_counted(
    name: str, board: Board, tmp_path: Path
) -> None:
    write, pairs = WRITERS[name]
    (tmp_path / name).mkdir()
    write(tmp_path / name)
    declared = board.benchmarks[name]
    few = replace(board.evaluate, benchmarks={name: replace(declared, rows=len(ROWS))})
    found = read_evaluator(name, few, tmp_path)
    assert isinstance(found, Binary if name == "paws-es" else Similarity)
    assert list(zip(*found.sentences, strict=True)) == [row[:2] for row in ROWS]
    expected = [1, 0, 0] if name == "paws-es" else [row[2] for row in ROWS]
    assert found.gold.tolist() == expected
    assert declared.rows == pairs
    with pytest.raises(DataError, match=f"{name}: 3 rows in .*, expected {pairs}; fetch it again"):
        read_benchmark(name, board.evaluate, tmp_path)


def test_a_text_file_with_columns_has_the_errors_of_a_table(board: Board, tmp_path: Path) -> None:
    (tmp_path / "sick-es").mkdir()
    sick(tmp_path / "sick-es")
    path = tmp_path / "sick-es" / "SICK_test.txt"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("relatedness_score", "score_of"), encoding="utf-8")
    with pytest.raises(DataError, match="no column 'relatedness_score'; the file has 'pair_ID', 'sentence_A'"):
        read_benchmark("sick-es", board.evaluate, tmp_path)
    path.write_text(text.replace("\t1.5\t", "\t5.5\t"), encoding="utf-8")
    with pytest.raises(DataError, match=r"SICK_test.txt, row 1, column relatedness_score: .*5\.5"):
        read_benchmark("sick-es", board.evaluate, tmp_path)
    path.write_text(text + "9\tuno\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"SICK_test.txt, line 5: 2 columns, but the first row has 5"):
        read_benchmark("sick-es", board.evaluate, tmp_path)
