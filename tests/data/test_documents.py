"""Pairs found in a text: title and body, neighbouring sentences; what is held out of them; folders of text."""

from itertools import pairwise
from pathlib import Path

import pytest

from terna.data.corpora import read
from terna.data.corpora.benchmark import read_benchmark
from terna.data.corpora.search import Search
from terna.data.download import fetch_corpus
from terna.errors import DataError, DownloadError
from terna.sentences import fold
from terna.settings import Benchmark, Corpus, Evaluate, File

TEXT = """Título uno
Primera frase. ¿Segunda? «Tercera.» Cuarta, de la Sra. pérez.

Solo un título


Título dos
Nada más…
"""


def corpus(*names: str, pairs: str | None = "neighbours", **more: object) -> Corpus:
    files = [File([name]) for name in names]
    return Corpus("columns", files=files, shape="texts", pairs=pairs, exact=False, **more)  # type: ignore[arg-type]


def pairs_in(folder: Path, declared: Corpus) -> list[tuple[str, str]]:
    table, _ = read("own", declared, folder)
    assert table["negatives"].to_pylist() == [[]] * len(table) and set(table["corpus"].to_pylist()) == {"own"}
    return list(zip(table["anchor"].to_pylist(), table["positive"].to_pylist(), strict=True))


def test_blank_lines_part_the_documents_of_a_file_and_pairs_are_found_within_each(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    assert pairs_in(tmp_path, corpus("text.txt", pairs="title_body")) == [
        ("Título uno", "Primera frase. ¿Segunda? «Tercera.» Cuarta, de la Sra. pérez."),
        ("Título dos", "Nada más…"),
    ]
    chain = ["Título uno", "Primera frase.", "¿Segunda?", "«Tercera.»", "Cuarta, de la Sra. pérez."]
    expected = [*pairwise(chain), ("Título dos", "Nada más…")]
    assert pairs_in(tmp_path, corpus("text.txt")) == expected
    _, counts = read("own", corpus("text.txt"), tmp_path)
    assert (counts["read"], counts["no_pair"]) == (3, 1)


def test_each_file_of_a_folder_is_a_document_and_each_row_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "b.txt").write_text("Uno\n\nDos\n")
    (tmp_path / "texts" / "a.txt").write_text("Tres\r\nCuatro\r\n")
    assert pairs_in(tmp_path, corpus("texts", pairs="title_body")) == [("Tres", "Cuatro"), ("Uno", "Dos")]
    (tmp_path / "rows.csv").write_text('cuerpo\n"Uno\n\nDos. Tres."\nSolo\n')
    declared = corpus("rows.csv", columns={"text": "cuerpo"}, rows=2)
    assert pairs_in(tmp_path, declared) == [("Uno", "Dos."), ("Dos.", "Tres.")]


def test_a_folder_of_text_is_a_line_a_text_where_no_pairs_are_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "texts"
    folder.mkdir(parents=True)
    (folder / "b.txt").write_text("Uno\nDos\n")
    (folder / "a.txt").write_text("Tres\n\n")
    (folder / "c.md").write_text("No")
    declared = Corpus("columns", files=[File([str(folder)])], shape="texts", exact=False)
    fetch_corpus(declared, tmp_path / "raw", mirror=None, check=lambda *_: None, progress=False)
    assert sorted(path.name for path in (tmp_path / "raw" / "texts").iterdir()) == ["a.txt", "b.txt"]
    table, counts = read("own", declared, tmp_path / "raw")
    assert table["text"].to_pylist() == ["Tres", "Uno", "Dos"] and counts["read"] - counts["empty_sentence"] == 3
    (folder / "more").mkdir()
    (folder / "more" / "d.txt").write_text("Seis")
    with pytest.raises(DownloadError, match=r"texts/more/d\.txt: not read, .*; move or rename it"):
        fetch_corpus(declared, tmp_path / "raw", mirror=None, check=lambda *_: None, progress=False)
    (tmp_path / "empty").mkdir()
    nothing = Corpus("columns", files=[File([str(tmp_path / "empty")])], shape="texts", exact=False)
    with pytest.raises(DownloadError, match=r"empty: a folder without \.arrow or \.txt files"):
        fetch_corpus(nothing, tmp_path / "raw", mirror=None, check=lambda *_: None, progress=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"Uno\n\nDos\n",
            r"own: no pair in the 2 documents of .*, see pairs \(neighbours\); a document ends at a blank",
        ),
        (b"Uno\nD\xf3s\n", r"text\.txt, line 2: not UTF-8"),
        (None, r"text\.txt: not there; fetch it"),
    ],
)
def test_a_text_that_is_of_no_use_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read("own", corpus("text.txt"), tmp_path)


def held_out(folder: Path, share: float, pairs: str = "neighbours") -> Search:
    (folder / "own").mkdir(exist_ok=True)
    lines = [f"Frase {number}." for number in range(40)]
    (folder / "own" / "text.txt").write_text("\n".join([*lines, "", *lines, "Final.", "FINAL."]))
    options = {"shape": "texts", "pairs": pairs, "role": "development", "held_out": share, "exact": False}
    one = Benchmark("columns", files=[File(["text.txt"])], **options)  # type: ignore[arg-type]
    evaluate = Evaluate({"own": one}, "own", False, "cosine_ndcg@10", [], {})
    found = read_benchmark("own", evaluate, folder)
    assert isinstance(found, Search)
    return found


def test_rows_are_held_out_such_that_no_text_of_theirs_is_in_two(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    rows = [(f"Pregunta {n}.", f"Respuesta {n}.", "") for n in range(30)]
    # an anchor again, a positive that was an anchor, one text twice, an empty one
    rows += [("PREGUNTA 0.", "Otra.", ""), ("Otra más.", "Pregunta 1.", ""), ("Eco.", "eco.", ""), ("Sola.", "", "")]
    text = "".join(f"{','.join(row)}\n" for row in rows)
    (tmp_path / "own" / "rows.csv").write_text(f"query,pos,negative\n{text}")
    options = {"shape": "pairs", "role": "development", "held_out": 1.0, "exact": False}
    one = Benchmark("columns", files=[File(["rows.csv"])], **options)  # type: ignore[arg-type]
    found = read_benchmark("own", Evaluate({"own": one}, "own", False, "cosine_ndcg@10", [], {}), tmp_path)
    assert isinstance(found, Search)
    assert list(zip(found.queries, found.documents, strict=True)) == [row[:2] for row in rows[:30]]
    assert found.query.tolist() == found.document.tolist() == list(range(30))
    assert one.reading["read"]["held_out"] == 1.0
    # of an anchor with several positives one pair: it is asked once
    (tmp_path / "own" / "rows.jsonl").write_text(
        '{"query": "Uno", "pos": ["a", "b"]}\n{"query": "Dos", "pos": []}\n{"query": "Tres", "pos": ["B", "c"]}\n'
    )
    one = Benchmark("columns", files=[File(["rows.jsonl"])], **options)  # type: ignore[arg-type]
    found = read_benchmark("own", Evaluate({"own": one}, "own", False, "cosine_ndcg@10", [], {}), tmp_path)
    assert isinstance(found, Search)
    assert (found.queries, found.documents) == (["Uno", "Tres"], ["a", "B"])


def test_held_out_pairs_have_no_text_in_common_and_are_the_same_for_the_same_text(tmp_path: Path) -> None:
    found = held_out(tmp_path, 0.5)
    assert (found.queries, found.documents) == (held_out(tmp_path, 0.5).queries, held_out(tmp_path, 0.5).documents)
    # the repeated document gives none, and neither do two equal sentences
    assert len(found.queries) == 10 and found.query.tolist() == found.document.tolist() == list(range(10))
    texts = [fold(text) for text in (*found.queries, *found.documents)]
    assert len(set(texts)) == len(texts)
    numbers = [
        tuple(int(text.split()[1][:-1]) for text in pair) for pair in zip(found.queries, found.documents, strict=True)
    ]
    assert all(second == first + 1 for first, second in numbers)
    assert set(found.queries) < set(held_out(tmp_path, 1.0).queries)
    with pytest.raises(DataError, match=r"own: 1 of 20 pairs in .* would be held out, and at least 2 are needed"):
        held_out(tmp_path, 0.05)
