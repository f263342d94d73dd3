"""Own benchmarks: every kind of table says the same, columns are never guessed wrong, and a split shares nothing."""

import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from composed import compose_once

from terna.data.corpora import benchmark_sentences, read_benchmark
from terna.data.corpora.search import Search
from terna.data.corpora.split import first_part, linked
from terna.errors import DataError, SettingsError
from terna.settings import Evaluate, compose, load

ROWS = [("¿Llueve, o no?", 'Dijo: "sí".', 4.5), ("Nieva; y mucho.", "Hace sol.", 0.0), ("Uno\tdos.", "Dos.", 2.0)]
Write = Callable[..., Evaluate]


def quoted(rows: Sequence[Sequence[Any]], between: str) -> str:
    return "".join(between.join('"' + str(cell).replace('"', '""') + '"' for cell in row) + "\n" for row in rows)


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Write:
    """The settings of an own benchmark whose files, by name and text, lie where they are fetched to."""

    def write(files: dict[str, str | pa.Table], *words: str, choice: str = "own") -> Evaluate:
        asked = [f"evaluate={choice}", f"evaluate.benchmarks.own.files=[{','.join(f'my/{name}' for name in files)}]"]
        if "split=null" in words:
            asked.append("evaluate.benchmarks.own-dev.files=[my/dev.csv]")
        for folder in ("own", "own-dev"):
            (tmp_path / folder).mkdir(exist_ok=True)
            for name, content in files.items():
                path = tmp_path / folder / name
                if isinstance(content, str):
                    path.write_text(content, encoding="utf-8", newline="")
                else:
                    pq.write_table(content, path)
        return load(
            compose(
                root / "conf",
                [
                    *asked,
                    *(
                        f"{'+' * word.startswith(('columns', 'labels'))}evaluate.benchmarks.own.{word}"
                        for word in words
                    ),
                ],
            )
        ).evaluate

    return write


@pytest.fixture
def whole(own: Write, tmp_path: Path) -> Callable[..., pa.Table]:
    """All pairs of a file."""

    def read(name: str, content: str | pa.Table, *words: str, **more: str) -> pa.Table:
        return read_benchmark("own", own({name: content}, "split=null", *words, **more), tmp_path)

    return read


HEADER = ("sentence1", "sentence2", "score")
LINES = "".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in ROWS)
PLACED = ("columns={sentence1: 0, sentence2: 1, score: 2}",)
HEAD = "sentence1,sentence2,score\n"
KINDS: dict[str, str | pa.Table] = {
    "pairs.csv": quoted([HEADER, *ROWS], ","),
    "semicolons.csv": quoted([HEADER, *ROWS], ";"),
    "marked.csv": "\ufeff" + quoted([HEADER, *ROWS], ",").replace("\n", "\r\n"),
    "pairs.tsv": quoted([HEADER, *ROWS], "\t"),
    "other.csv": quoted([("id", *HEADER), *((n, *row) for n, row in enumerate(ROWS))], ","),
    "short.csv": quoted([("A", "b", "score"), *ROWS], ","),
    "pairs.jsonl": LINES,
    "pairs.parquet": pa.table(dict(zip(HEADER, zip(*ROWS, strict=True), strict=True))),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_table_gives_the_same_pairs(whole: Callable[..., pa.Table], name: str) -> None:
    table = whole(name, KINDS[name])
    rows = zip(*(table[column].to_pylist() for column in ("sentence1", "sentence2", "gold")), strict=True)
    assert list(rows) == ROWS
    assert table["file"].to_pylist() == [Path(name).stem] * 3


def test_declared_names_and_places_say_which_column_is_which(whole: Callable[..., pa.Table]) -> None:
    turned = [(score, two, one) for one, two, score in ROWS]
    named = whole(
        "a.csv", quoted([("nota", "b", "a"), *turned], ","), "columns={sentence1: a, sentence2: b, score: nota}"
    )
    placed = whole("a.csv", quoted(turned, ","), "columns={sentence1: 2, sentence2: 1, score: 0}")
    assert named["sentence1"].to_pylist() == placed["sentence1"].to_pylist() == [one for one, _, _ in ROWS]
    assert named["gold"].to_pylist() == placed["gold"].to_pylist() == [score for _, _, score in ROWS]


@pytest.mark.parametrize(
    ("name", "content", "words", "message"),
    [
        ("a.csv", "uno,b,nota\nx,y,1\n", (), r"no column is named sentence1; .* the file has 'uno', 'b', 'nota'"),
        ("a.csv", "Llueve.,Nieva.,1\nUno.,Dos.,2\n", (), r"no column is named sentence1; .*'Llueve.', 'Nieva.', '1'"),
        ("a.csv", quoted([HEADER, *ROWS], ","), PLACED, r"row 1, column 2: 'score'; allowed: a number from 0 to 5"),
        ("a.csv", "a,b\nx,y\n", PLACED, r"no column 2; its first row has 2, counted from 0"),
        ("a.csv", "sentence1,sentence2,score,score\nx,y,1,2\n", (), r"score and score could each be the score"),
        ("a.csv", HEAD + "x,y,1\nz,w\n", (), r"line 3: 2 columns, but the first row has 3"),
        ("a.csv", HEAD + 'x,"y,1\nz,w,2\n', (), r"line 2: unexpected end of data"),
        (
            "a.csv",
            HEAD + "x,y,1\nz,w,5.5\n",
            (),
            r"row 2, column score: '5.5'; allowed: a number from 0 to 5, see scale",
        ),
        ("a.csv", HEAD + "x,y,1\nz,w,nan\n", (), r"row 2, column score: 'nan'; allowed: a number"),
        ("a.csv", HEAD + 'x,y,1\nz,w,"3,5"\n', (), r"row 2, column score: '3,5'"),
        ("a.csv", HEAD + "x,y,1\nz, ,2\n", (), r"row 2, column sentence2: ' ?'; allowed: a text that is not empty"),
        ("a.csv", HEAD, (), "no pair in"),
        ("a.csv", "", (), "a.csv: the file is empty"),
        ("a.csv", HEAD + "x,y,1\n", (), "a has one pair here"),
        ("a.csv", HEAD + "x,y,1\nz,w,1.0\n", (), "each of its 2 pairs in .* has the score 1; a correlation needs two"),
        ("a.xlsx", "x", (), r"a.xlsx: a data file ends in .csv, .tsv, .jsonl"),
        (
            "a.jsonl",
            '{"sentence1": "x", "sentence2": "y"}\n',
            (),
            "no column is named score; .*'sentence1', 'sentence2'",
        ),
        (
            "a.jsonl",
            '{"sentence1": "x", "sentence2": 3, "score": 1}\n',
            (),
            r"row 1, column sentence2: 3; allowed: a t",
        ),
        ("a.jsonl", '{"sentence1": "x", "sentence2": "y", "score": true}\n', (), r"row 1, column score: True; allowed"),
        ("a.jsonl", '["x"]\n', (), "no column is named sentence1; .* the file has 'text'"),
        ("a.jsonl", "{", (), "line 1: not JSON"),
        ("a.jsonl", LINES, PLACED, "its columns have names"),
        ("a.parquet", "PAR1", (), "a.parquet: cannot be read"),
        (
            "a.parquet",
            pa.table({"sentence1": ["x", None], "sentence2": ["y", "z"], "score": [1, 2]}),
            (),
            "row 2, column sentence1: nothing; allowed: a text",
        ),
    ],
)
def test_what_is_malformed_is_named_with_its_place_and_what_is_allowed(
    whole: Callable[..., pa.Table], name: str, content: Any, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        whole(name, content, *words)


def test_a_table_that_is_not_utf8_or_not_there_is_refused(own: Write, tmp_path: Path) -> None:
    evaluate = own({"a.csv": "x"}, "split=null")
    (tmp_path / "own" / "a.csv").write_bytes((HEAD + "ñ,y,1\n").encode("latin-1"))
    with pytest.raises(DataError, match=r"a.csv, line 2: not UTF-8"):
        read_benchmark("own", evaluate, tmp_path)
    (tmp_path / "own" / "a.csv").unlink()
    with pytest.raises(DataError, match=r"a.csv: not there"):
        read_benchmark("own", evaluate, tmp_path)


@pytest.mark.parametrize("words", [("no", "sí"), ("0", "1"), ("False", "TRUE"), ("0.0", "1.0"), ("no", "yes")])
def test_labels_may_be_written_as_people_do(whole: Callable[..., pa.Table], words: tuple[str, str]) -> None:
    rows = [("sentence1", "sentence2", "label"), ("a", "b", words[1]), ("c", "d", words[0])]
    assert whole("a.csv", quoted(rows, ","), choice="own_binary")["gold"].to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize("classes", [[1, 0], [1.0, 0.0], [True, False]])
def test_labels_may_be_whole_numbers_or_truths(whole: Callable[..., pa.Table], classes: list[Any]) -> None:
    table = pa.table({"sentence1": ["a", "c"], "sentence2": ["b", "d"], "class": classes})
    assert whole("a.parquet", table, choice="own_binary")["gold"].to_pylist() == [1.0, 0.0]


def test_declared_labels_say_which_class_has_the_same_meaning(whole: Callable[..., pa.Table]) -> None:
    rows = quoted([("sentence1", "sentence2", "class"), ("a", "b", "Igual"), ("c", "d", "otra")], ",")
    assert whole("a.csv", rows, "labels={igual: 1, otra: 0}", choice="own_binary")["gold"].to_pylist() == [1.0, 0.0]
    with pytest.raises(DataError, match=r"row 1, column class: 'Igual'; allowed: ja, nein, see labels"):
        whole("a.csv", rows, "labels={ja: 1, nein: 0}", choice="own_binary")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "b", "1"), ("c", "d", "2")], r"row 2, column label: '2'; allowed: 1, 0, true"),
        ([("a", "b", "1"), ("c", "d", "1")], "each of its 2 pairs in .* is labelled 1; both labels are needed"),
    ],
)
def test_other_labels_and_one_alone_are_refused(whole: Callable[..., pa.Table], rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        whole("a.csv", quoted([("sentence1", "sentence2", "label"), *rows], ","), choice="own_binary")


def test_the_files_of_a_dataset_of_the_hub_are_one_benchmark(root: Path, tmp_path: Path) -> None:
    hub = "{name: owner/name, revision: " + "0" * 40 + "}"
    words = ["evaluate.benchmarks.own.files=[]", f"+evaluate.benchmarks.own.dataset={hub}"]
    words += ["evaluate.benchmarks.own-dev.files=[my/dev.csv]", "evaluate.benchmarks.own.split=null"]
    evaluate = compose_once(root, ["evaluate=own", *words]).evaluate
    (tmp_path / "own" / "dataset" / "data").mkdir(parents=True)
    for number, row in enumerate(ROWS):
        table = pa.table(dict(zip(HEADER, ([cell] for cell in row), strict=True)))
        pq.write_table(table, tmp_path / "own" / "dataset" / "data" / f"{number}.parquet")
    found = read_benchmark("own", evaluate, tmp_path)
    assert isinstance(found, pa.Table)
    assert (found["file"].to_pylist(), found["gold"].to_pylist()) == (["own"] * 3, [score for *_, score in ROWS])


def many(pairs: int = 120) -> str:
    rng = np.random.default_rng(0)
    names = [(f"Frase {one}.", f"frase  {two}.", one % 6) for one, two in rng.integers(0, 400, (pairs, 2))]
    return quoted([HEADER, *names], ",")


def test_one_file_becomes_two_parts_without_a_common_sentence(own: Write, tmp_path: Path) -> None:
    evaluate = own({"pairs.csv": many()})
    parts = [read_benchmark(name, evaluate, tmp_path) for name in ("own-dev", "own")]
    sides = benchmark_sentences(evaluate, tmp_path)
    folded = {name: {" ".join(text.lower().split()) for text in texts} for name, texts in sides.items()}
    assert not folded["own-dev"] & folded["own"]
    lines = [set(part["line"].to_pylist()) for part in parts]
    assert lines[0] | lines[1] == set(range(1, 121)) and not lines[0] & lines[1]
    assert len(lines[0]) == pytest.approx(60, abs=3)
    again = read_benchmark("own-dev", own({"pairs.csv": many()}), tmp_path)
    assert again.equals(parts[0])
    other = read_benchmark("own-dev", own({"pairs.csv": many()}, "split.seed=1"), tmp_path)
    assert not other.equals(parts[0])
    small = read_benchmark("own-dev", own({"pairs.csv": many()}, "split.share=0.2"), tmp_path)
    assert len(small) == pytest.approx(24, abs=3)


def test_pairs_that_all_hang_together_cannot_be_split(own: Write, tmp_path: Path) -> None:
    rows = [HEADER, *((f"a {row}", f"a {row + 1}", row % 5) for row in range(30))]
    with pytest.raises(
        DataError, match=r"own-dev: all 30 pairs of its file are linked by what they share.*; give a second file"
    ):
        read_benchmark("own-dev", own({"pairs.csv": quoted(rows, ",")}), tmp_path)
    # a part of a few pairs beside them would be no test
    rows += [(f"b {row}", f"c {row}", row % 5) for row in range(4)]
    with pytest.raises(DataError, match=r"own: 30 of 34 pairs of its file are linked by what they share"):
        read_benchmark("own", own({"pairs.csv": quoted(rows, ",")}), tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_linked_pairs_are_those_of_a_search_by_brute_force(seed: int) -> None:
    left, right = np.random.default_rng(seed).integers(0, 25, (2, 18)).tolist()
    found = linked(left, right)
    near = {(a, b) for a, b in combinations(range(18), 2) if {left[a], right[a]} & {left[b], right[b]}}
    together = [{row} for row in range(18)]
    for _ in range(18):  # the transitive closure
        for a, b in near:
            together[a] = together[b] = together[a] | together[b]
            for row in together[a]:
                together[row] = together[a]
    for a, b in combinations(range(18), 2):
        assert (found[a] == found[b]) == (b in together[a])


def test_parts_are_as_large_as_whole_clusters_allow() -> None:
    clusters = np.repeat(np.arange(40), np.arange(40) % 4 + 1)
    for share in (0.1, 0.5, 0.9):
        chosen = first_part(clusters, share, seed=3)
        assert abs(chosen.mean() - share) < 0.03
        assert all(len(set(chosen[clusters == each])) == 1 for each in range(40))


DOCUMENTS = [{"_id": f"d{n}", "title": "T" if n == 0 else "", "text": f"Texto {n}."} for n in range(12)]
QUERIES = [{"_id": f"q{n}", "text": f"Pregunta {n}?"} for n in range(8)]
JUDGED = [
    ("query-id", "corpus-id", "score"),
    *((f"q{n}", f"d{n}", 1) for n in range(7)),
    ("q0", "d9", 2),
    ("q7", "d7", 0),
]
BEIR: dict[str, Any] = {
    "corpus.jsonl": "".join(f"{json.dumps(each)}\n" for each in DOCUMENTS),
    "queries.jsonl": "".join(f"{json.dumps(each)}\n" for each in QUERIES),
    "qrels.tsv": quoted(JUDGED, "\t"),
}


def searched(found: pa.Table | Search) -> Search:
    assert isinstance(found, Search)
    return found


def relevant(found: Search) -> set[tuple[str, str, float]]:
    triples = zip(found.query, found.document, found.gain, strict=True)
    return {(found.queries[query], found.documents[document], gain) for query, document, gain in triples}


def test_a_ranking_in_three_files_is_read_as_beir_has_it(own: Write, tmp_path: Path) -> None:
    found = searched(read_benchmark("own", own(BEIR, "split=null", choice="own_ranking"), tmp_path))
    assert found.documents == ["T Texto 0.", *(f"Texto {n}." for n in range(1, 12))]
    assert (found.queries, found.left_out) == ([f"Pregunta {n}?" for n in range(7)], 1)
    expected = {(f"Pregunta {n}?", found.documents[n], 1.0) for n in range(7)} | {("Pregunta 0?", "Texto 9.", 2.0)}
    assert relevant(found) == expected
    assert found.query.tolist() == sorted(found.query)


def test_the_files_of_a_ranking_may_have_places_in_one_and_names_in_another(own: Write, tmp_path: Path) -> None:
    files = BEIR | {"qrels.tsv": quoted(JUDGED[1:], "\t")}
    words = ("split=null", "columns={query: 0, document: 1, score: 2}")
    found = searched(read_benchmark("own", own(files, *words, choice="own_ranking"), tmp_path))
    assert relevant(found) == relevant(
        searched(read_benchmark("own", own(BEIR, "split=null", choice="own_ranking"), tmp_path))
    )
    words = ("split=null", "columns={query: 0, document: 1}")
    found = searched(read_benchmark("own", own(files, *words, choice="own_ranking"), tmp_path))
    assert set(found.gain.tolist()) == {1.0} and found.left_out == 0


def test_a_document_may_have_a_title_alone(own: Write, tmp_path: Path) -> None:
    entitled = [
        {"_id": "d0", "title": "Solo.", "text": ""},
        {"_id": "d1", "title": None, "text": "Sin."},
        *DOCUMENTS[2:],
    ]
    files = BEIR | {"corpus.jsonl": "".join(f"{json.dumps(each)}\n" for each in entitled)}
    found = searched(read_benchmark("own", own(files, "split=null", choice="own_ranking"), tmp_path))
    assert found.documents[:2] == ["Solo.", "Sin."]


def test_a_ranking_in_one_file_has_each_text_once(own: Write, tmp_path: Path) -> None:
    rows = [("query", "document"), ("¿Qué?", "Esto."), ("¿qué?", "Aquello."), ("¿Quién?", "esto.")]
    found = searched(
        read_benchmark("own", own({"a.csv": quoted(rows, ",")}, "split=null", choice="own_ranking"), tmp_path)
    )
    assert (found.queries, found.documents) == (["¿Qué?", "¿Quién?"], ["Esto.", "Aquello."])
    assert relevant(found) == {("¿Qué?", "Esto.", 1.0), ("¿Qué?", "Aquello.", 1.0), ("¿Quién?", "Esto.", 1.0)}


def test_a_ranking_is_split_by_queries_and_their_relevant_documents(own: Write, tmp_path: Path) -> None:
    evaluate = own(BEIR, choice="own_ranking")
    parts = [searched(read_benchmark(name, evaluate, tmp_path)) for name in ("own-dev", "own")]
    assert sorted([*parts[0].queries, *parts[1].queries]) == [f"Pregunta {n}?" for n in range(7)]
    assert parts[0].documents == parts[1].documents
    held = [{text for _, text, _ in relevant(part)} for part in parts]
    assert not held[0] & held[1] and len(held[0] | held[1]) == 8


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "qrels.tsv",
            quoted([JUDGED[0], ("q0", "d99", 1)], "\t"),
            "qrels.tsv, row 1, column corpus-id: 'd99'; allowed: an id of corpus.jsonl",
        ),
        (
            "qrels.tsv",
            quoted([JUDGED[0], ("q99", "d0", 1)], "\t"),
            "qrels.tsv, row 1, column query-id: 'q99'; allowed: an id of queries.jsonl",
        ),
        (
            "qrels.tsv",
            quoted([JUDGED[0], ("q0", "d0", "mucho")], "\t"),
            "row 1, column score: 'mucho'; allowed: a number;",
        ),
        ("qrels.tsv", quoted(JUDGED[:2], "\t"), "1 queries with a relevant document"),
        ("qrels.tsv", quoted([*JUDGED, ("q0", "d0", 3)], "\t"), "own: 'd0' has two scores for 'q0'"),
        (
            "queries.jsonl",
            '{"_id": "q0", "text": "x"}\n{"_id": "q0", "text": "y"}\n',
            "row 2, column _id: 'q0'; allowed: an id that no row before has",
        ),
        ("corpus.jsonl", '{"_id": "d0", "text": ""}\n', "row 1, column text: ''; allowed: a text that is not empty"),
        ("corpus.jsonl", '{"_id": 1.5, "text": "x"}\n', "row 1, column _id: 1.5; allowed: a word or a whole number"),
    ],
)
def test_a_malformed_ranking_is_refused_with_its_place(
    own: Write, tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_benchmark("own", own(BEIR | {name: content}, "split=null", choice="own_ranking"), tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["evaluate=own", "evaluate.benchmarks.own-dev.files=[my/dev.csv]"],
            "own-dev.split: no benchmark of another role",
        ),
        (["evaluate=own", "evaluate.benchmarks.own.split=null"], "own.files: those of own-dev too"),
        (
            ["evaluate=own", "evaluate.benchmarks.own-dev.scale=[0.0,1.0]"],
            "shares its files with own, so all but the role",
        ),
        (
            ["evaluate=own", "evaluate.benchmarks.own.shape=classed"],
            "main_score: cosine_pearson is not a figure of own-dev.*cosine_ap",
        ),
        (["evaluate=own_binary", "evaluate.main_score=cosine_f1"], "cosine_f1 depends on a threshold"),
        (["evaluate=own_ranking", "evaluate.benchmarks.own.files=[a.csv,b.csv]"], "a ranking needs three"),
        (
            ["evaluate=own", "+evaluate.benchmarks.own.columns={premise: a}"],
            "own.columns.premise: shape scored has sentence1, sentence2, score",
        ),
        (["evaluate=own", "+evaluate.benchmarks.own.columns={sentence1: -1}"], "a number of at least 0"),
        (["evaluate=own", "+evaluate.benchmarks.own.columns={sentence1: 0}"], "no place for sentence2, score"),
        (
            ["evaluate=own", "+evaluate.benchmarks.own.columns={sentence1: a, score: 2}"],
            "some by name and some by place",
        ),
        (["evaluate=own", "+evaluate.benchmarks.own.columns={sentence1: a, sentence2: a}"], "'a' is named twice"),
        (
            ["evaluate=own", "evaluate.benchmarks.own.shape=null"],
            "shape: missing; what a row is: scored, classed, rank",
        ),
        (["evaluate=own", "+evaluate.benchmarks.own.labels={a: 1}"], "labels: only for shape classed, not scored"),
        (["evaluate=own_binary", "+evaluate.benchmarks.own.labels={a: 2}"], r"labels\.a"),
        (["+evaluate.benchmarks.sts-sample-test.shape=classed"], "shape: only for format columns, not semeval_sts"),
    ],
)
def test_settings_that_do_not_fit_are_refused(root: Path, words: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(compose(root / "conf", words))
