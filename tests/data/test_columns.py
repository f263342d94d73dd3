"""What people have comes in by a mapping of its columns, and what is malformed is refused by file, row and column."""

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpora_inputs import OWN, columned, corpus, put
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.corpora import as_dataset, read
from terna.data.corpora.columns import stream_columns
from terna.data.corpora.streams import BATCH
from terna.errors import DataError
from terna.records import CLASSED_PAIRS, LABELS, PAIRS, RAW_TEXTS, SCORED_PAIRS, TUPLES
from terna.settings.declaration import FIELDS

FUZZ = settings(derandomize=True, deadline=None, max_examples=25)
ODD = "uno\u2028dos\u2029tres\x85cuatro\x0bcinco\x0cseis"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)
rows_of_three = st.lists(st.tuples(texts, texts, st.sampled_from(LABELS)), min_size=1, max_size=5)

Rows = list[dict[str, Any]]
Writer = Callable[[Rows, Path], None]


def as_csv(rows: Rows, path: Path, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def as_tsv(rows: Rows, path: Path) -> None:
    as_csv(rows, path, "\t")


def as_jsonl(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def as_json(rows: Rows, path: Path) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def as_parquet(rows: Rows, path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def as_folder(rows: Rows, path: Path) -> None:
    datasets.Dataset.from_list(rows).save_to_disk(path, num_shards=2)


WRITERS: dict[str, Writer] = {
    "c.csv": as_csv,
    "c.tsv": as_tsv,
    "c.jsonl": as_jsonl,
    "c.json": as_json,
    "c.parquet": as_parquet,
    "c": as_folder,
}
# of each shape: rows under names of one's own, the mapping, and what comes in
ONE, TWO, THREE = 'Dijo «no», y "ya".', "El ñandú; corre.", "NA"
SHAPED: dict[str, tuple[Rows, dict[str, Any], pa.Schema, list[tuple[Any, ...]]]] = {
    "nli": (
        [{"id": 1, "a": f" {ONE} ", "b": TWO, "y": 1}, {"id": 2, "a": TWO, "b": THREE, "y": 2}],
        {"columns": {"premise": "a", "hypothesis": "b", "label": "y"}},
        PAIRS,
        [(ONE, TWO, "neutral", "es", "name"), (TWO, THREE, "contradiction", "es", "name")],
    ),
    "pairs": (
        [{"id": 1, "q": ONE, "p": TWO}, {"id": 2, "q": THREE, "p": ONE}],
        {"columns": {"anchor": "q", "positive": "p"}},
        TUPLES,
        [(ONE, TWO, [], "name"), (THREE, ONE, [], "name")],
    ),
    "triplets": (
        [{"q": ONE, "n2": "dos", "n1": "uno", "p": TWO}, {"q": THREE, "n2": "cuatro", "n1": "tres", "p": ONE}],
        {"columns": {"anchor": "q", "positive": "p", "negatives": ["n1", "n2"]}},
        TUPLES,
        [(ONE, TWO, ["uno", "dos"], "name"), (THREE, ONE, ["tres", "cuatro"], "name")],
    ),
    "scored": (
        [{"a": ONE, "b": TWO, "s": 1.5}, {"a": TWO, "b": THREE, "s": 3.0}],
        {"columns": {"sentence1": "a", "sentence2": "b", "score": "s"}, "scale": [1.0, 3.0]},
        SCORED_PAIRS,
        [(ONE, TWO, 0.25, "name"), (TWO, THREE, 1.0, "name")],
    ),
    "classed": (
        [{"a": ONE, "b": TWO, "k": 7}, {"a": TWO, "b": THREE, "k": 10}],
        {"columns": {"sentence1": "a", "sentence2": "b", "class": "k"}},
        CLASSED_PAIRS,
        [(ONE, TWO, "7", "name"), (TWO, THREE, "10", "name")],
    ),
    "texts": (
        [{"t": f"\u3000{ONE}", "n": 1}, {"t": THREE, "n": 2}],
        {"columns": {"text": "t"}},
        RAW_TEXTS,
        [(ONE, "name"), (THREE, "name")],
    ),
}


def found(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize("file", WRITERS)
@pytest.mark.parametrize("shape", SHAPED)
def test_each_shape_comes_in_from_each_kind_of_file(tmp_path: Path, shape: str, file: str) -> None:
    rows, more, schema, expected = SHAPED[shape]
    WRITERS[file](rows, tmp_path / file)
    declared = columned(shape, file, rows=2, **more)
    table, counts = read("name", declared, tmp_path)
    assert (table.schema, found(table)) == (schema, expected)
    assert counts == {"read": 2, "other_language": 0, "no_label": 0, "empty_sentence": 0}
    assert as_dataset("name", declared, tmp_path).to_list() == table.to_pylist()


def test_every_shape_of_the_schema_is_tried() -> None:
    assert set(SHAPED) == set(FIELDS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_parted_by_what_parts_its_first_line(tmp_path: Path, delimiter: str) -> None:
    rows = [{"anchor": "Uno, dos; tres\ty\ncuatro.", "positive": '"Ya".'}]
    as_csv(rows, tmp_path / "c.csv", delimiter)
    table, _ = read("name", columned("pairs", "c.csv"), tmp_path)
    assert found(table) == [(rows[0]["anchor"], '"Ya".', [], "name")]


@FUZZ
@given(rows_of_three, st.sampled_from(",;\t"), st.booleans())
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str, everything: bool
) -> None:
    path = tmp_path_factory.mktemp("csv") / "c.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=quoting)
        writer.writerow(["id", "GOLD_LABEL", "Premise", "hypothesis"])
        writer.writerows(("7", label, premise, hypothesis) for premise, hypothesis, label in rows)
    expected = [(*(unicodedata.normalize("NFC", text.strip()) for text in row[:2]), row[2]) for row in rows]
    expected = [row for row in expected if all(row)]
    try:
        table, counts = read("name", columned("nli", path.name), path.parent)
    except DataError as error:
        assert "no row in" in str(error) and not expected
        return
    assert [row[:3] for row in found(table)] == expected
    assert counts["read"] == len(rows) == len(table) + counts["empty_sentence"]


@pytest.mark.parametrize("file", ["c.tsv", "c.jsonl"])
def test_labels_in_any_case_with_blanks_and_as_numbers_lose_no_row(tmp_path: Path, file: str) -> None:
    words = [*LABELS, *map(str.upper, LABELS), " Neutral ", "0", "1", "2"]
    WRITERS[file]([{"premise": "Hola.", "hypothesis": "Vengo.", "label": word} for word in words], tmp_path / file)
    table, _ = read("name", columned("nli", file), tmp_path)
    assert table["label"].to_pylist() == [*LABELS * 2, "neutral", *LABELS]


def test_labels_mean_what_is_declared_and_null_leaves_a_row_out_and_counts_it(tmp_path: Path) -> None:
    rows = [{"premise": "Hola.", "hypothesis": "Vengo.", "label": label} for label in (0, 2, -1, 0)]
    as_jsonl(rows, tmp_path / "c.jsonl")
    labels = {"0": "contradiction", "2": "entailment", "-1": None}
    table, counts = read("name", columned("nli", "c.jsonl", labels=labels), tmp_path)
    assert table["label"].to_pylist() == ["contradiction", "entailment", "contradiction"]
    assert (counts["read"], counts["no_label"]) == (4, 1)
    with pytest.raises(DataError, match=r"column label: 2; allowed: 0 \(contradiction\), see labels"):
        read("name", columned("nli", "c.jsonl", labels={"0": "contradiction"}), tmp_path)


@pytest.mark.parametrize("folder", [False, True])
def test_the_names_of_a_class_label_count_and_not_the_order_of_its_numbers(tmp_path: Path, folder: bool) -> None:
    order = ["contradiction", "entailment", "neutral"]
    features = datasets.Features(
        {"premise": datasets.Value("string"), "hypothesis": datasets.Value("string")}
        | {"label": datasets.ClassLabel(names=order)}
    )
    rows = [{"premise": "Hola.", "hypothesis": "Vengo.", "label": number} for number in range(3)]
    saved = datasets.Dataset.from_list(rows, features=features)
    saved.save_to_disk(tmp_path / "c") if folder else saved.to_parquet(tmp_path / "c.parquet")
    table, _ = read("name", columned("nli", "c" if folder else "c.parquet"), tmp_path)
    assert table["label"].to_pylist() == order


def test_decimals_of_a_database_are_numbers(tmp_path: Path) -> None:
    scores = pa.array([Decimal("2.50"), Decimal("5.00")], pa.decimal128(4, 2))
    rows = pa.table({"sentence1": ["Uno.", "Dos."], "sentence2": ["Tres.", "Seis."], "score": scores})
    pq.write_table(rows, tmp_path / "c.parquet")
    table, _ = read("name", columned("scored", "c.parquet"), tmp_path)
    assert table["score"].to_pylist() == [0.5, 1.0]


def test_a_csv_without_a_header_is_mapped_by_place(tmp_path: Path) -> None:
    put(tmp_path, {"c.csv": b'\xef\xbb\xbf5,"Uno, dos.",Tres.\r\n\r\n0,Cuatro.,"Dijo ""no""."\r\n'})
    columns = {"sentence1": 1, "sentence2": 2, "score": 0}
    table, _ = read("name", columned("scored", "c.csv", columns=columns), tmp_path)
    assert found(table) == [("Uno, dos.", "Tres.", 1.0, "name"), ("Cuatro.", 'Dijo "no".', 0.0, "name")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_any_line_end_ends_a_row_of_a_table_and_nothing_else_does(tmp_path: Path, end: bytes, start: bytes) -> None:
    content = OWN + f"{ODD}\tVengo.\tneutral\n\nHola.\tVengo.\tneutral\n".encode()
    put(tmp_path, {"c.tsv": start + content.replace(b"\n", end)})
    table, _ = read("name", columned("nli", "c.tsv"), tmp_path)
    assert table["premise"].to_pylist() == [ODD, "Hola."]


def test_texts_come_a_line_each_and_blank_ones_are_counted(tmp_path: Path) -> None:
    put(tmp_path, {"c.txt": f" {ODD}\n\nVengo.\r\n".encode()})
    table, counts = read("name", columned("texts", "c.txt"), tmp_path)
    assert (found(table), counts["read"], counts["empty_sentence"]) == ([(ODD, "name"), ("Vengo.", "name")], 3, 1)


def test_a_row_with_an_empty_text_is_counted_whatever_else_it_holds(tmp_path: Path) -> None:
    put(tmp_path, {"c.csv": b"sentence1,sentence2,score\nHola., ,x\n,,\nHola.,Vengo.,5\n"})
    table, counts = read("name", columned("scored", "c.csv"), tmp_path)
    assert (len(table), counts["read"], counts["empty_sentence"]) == (1, 3, 2)


def test_a_file_of_several_batches_comes_in_whole_and_a_fault_in_the_last_is_named(tmp_path: Path) -> None:
    rows = [{"anchor": f"Número {n}.", "positive": f"Cifra {n}."} for n in range(2 * BATCH + 5)]
    for file in ("c.csv", "c.parquet", "c"):
        WRITERS[file](rows, tmp_path / file)
        table, counts = read("name", columned("pairs", file), tmp_path)
        assert table["anchor"].to_pylist() == [row["anchor"] for row in rows]
        assert counts["read"] == len(rows)
    rows[-2]["positive"] = None
    as_parquet(rows, tmp_path / "c.parquet")
    with pytest.raises(DataError, match=rf"c\.parquet, row {len(rows) - 1}, column positive: nothing; allowed: a text"):
        read("name", columned("pairs", "c.parquet"), tmp_path)


def test_a_name_with_a_pattern_in_it_is_one_file(tmp_path: Path) -> None:
    for file in ("c[1].csv", "c[1].jsonl", "c[1].parquet"):
        WRITERS[f"c{Path(file).suffix}"]([{"text": "Hola."}], tmp_path / file)
        assert found(read("name", columned("texts", file), tmp_path)[0]) == [("Hola.", "name")]


LISTS: Rows = [
    {"query": f" {ONE}", "pos": [TWO, THREE], "neg": ["a", " n\u0303", "a"], "neg_scores": [0.5]},
    {"query": "sin malas", "pos": ["buena"], "neg": [], "neg_scores": []},
    {"query": "sin buenas", "pos": [], "neg": ["x"], "neg_scores": []},
    {"query": "una vacía", "pos": ["y", " "], "neg": ["x"], "neg_scores": []},
    {"query": "otra vacía", "pos": ["y"], "neg": ["x", ""], "neg_scores": []},
    {"query": "", "pos": ["y"], "neg": ["x"], "neg_scores": []},
    {"query": "Última.", "pos": ["z"], "neg": ["w"], "neg_scores": []},
]


def by_hand(rows: Rows) -> list[tuple[str, str, list[str], str]]:
    """What rows of lists give, by the rule as docs/data.md has it: each positive a row, with all negatives."""
    clean = [
        [
            [unicodedata.normalize("NFC", text.strip()) for text in each]
            for each in ([row["query"]], row["pos"], row["neg"])
        ]
        for row in rows
    ]
    whole = [row for row in clean if row[1] and not any("" in each for each in row)]
    return [(query, positive, negatives, "name") for [query], positives, negatives in whole for positive in positives]


@pytest.mark.parametrize("file", ["c.jsonl", "c.json", "c.parquet", "c"])
def test_a_list_of_positives_gives_a_row_each_with_all_negatives_of_the_list(tmp_path: Path, file: str) -> None:
    WRITERS[file](LISTS, tmp_path / file)
    table, counts = read("name", columned("triplets", file, rows=7), tmp_path)
    assert (table.schema, found(table)) == (TUPLES, by_hand(LISTS))
    assert len(table) == 4
    assert (counts["read"], counts["empty_sentence"]) == (7, 4)
    columns = {"anchor": "query", "positive": "neg"}
    table, _ = read("name", columned("pairs", file, columns=columns), tmp_path)
    assert [row[1:3] for row in found(table)][:3] == [("a", []), ("ñ", []), ("a", [])]


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(pa.string(), 2)])
def test_every_kind_of_list_of_arrow_is_one_and_columns_of_texts_go_with_them(
    tmp_path: Path, kind: pa.DataType
) -> None:
    lists = pa.array([["uno", "dos"], ["tres", "seis"]], kind)
    rows = pa.table({"anchor": ["a", "b"], "positive": ["c", "d"], "neg": lists, "negative_2": ["e", "f"]})
    pq.write_table(rows, tmp_path / "c.parquet")
    table, _ = read("name", columned("triplets", "c.parquet"), tmp_path)
    assert table["negatives"].to_pylist() == [["uno", "dos", "e"], ["tres", "seis", "f"]]


def test_lists_that_are_empty_at_the_beginning_of_a_file_are_lists_of_texts(tmp_path: Path) -> None:
    # datasets takes the types of the first 10 MB
    long = "x" * 1000
    rows = [{"query": f"{n} {long}", "pos": ["p"], "neg": [] if n < 11_000 else ["q", "r"]} for n in range(11_005)]
    as_jsonl(rows, tmp_path / "c.jsonl")
    table, _ = read("name", columned("triplets", "c.jsonl"), tmp_path)
    assert table["negatives"].to_pylist() == [row["neg"] for row in rows]


def test_many_positives_come_in_tables_as_small_as_any(tmp_path: Path) -> None:
    rows = [{"query": f"q{n}", "pos": [f"p{place}" for place in range(9)], "neg": ["n"] * (n % 3)} for n in range(2000)]
    as_parquet(rows, tmp_path / "c.parquet")
    tables = list(stream_columns("name", columned("triplets", "c.parquet"), tmp_path, counts := Counter()))
    assert max(map(len, tables)) == BATCH and counts["read"] == 2000
    assert found(pa.concat_tables(tables)) == by_hand(rows)


HEAD = b"premise,hypothesis,label\n"
PAIR = {"sentence1": "Hola.", "sentence2": "Vengo."}
COLUMNS = "the file has 'premise', 'hypo', 'label'"


@pytest.mark.parametrize(
    ("shape", "file", "content", "where", "what"),
    [
        ("nli", "c.csv", b"", "", "the file is empty"),
        ("nli", "c.csv", HEAD, "", "its files have no rows"),
        ("nli", "c.csv", b"premise,hypo,label\n", "", "no column is named hypothesis; name it under columns.hypo"),
        ("nli", "c.csv", b"premise,hypo,label\n", "", COLUMNS),
        (
            "nli",
            "c.csv",
            b"premise,sentence1,hypothesis,label\n",
            "",
            "premise and sentence1 could each be the premise",
        ),
        (
            "nli",
            "c.csv",
            HEAD + b"a,b,0\nHola.,Vengo.,x\n",
            ", row 2, column label",
            "'x'; allowed: entailment, 0 (entailment), neu",
        ),
        ("nli", "c.csv", HEAD + b"Hola.,Vengo.,\n", ", row 1, column label", "''; allowed: entailment"),
        ("nli", "c.csv", HEAD + b"a,b,0\n\nHola.,Vengo.\n", ", line 4", "2 columns, but the first row has 3; quote"),
        (
            "nli",
            "c.csv",
            HEAD + b"a,b,0\nHola., ya,Vengo.,0\n",
            ", line 3",
            "4 columns, but the first row has 3; quote",
        ),
        (
            "nli",
            "c.csv",
            HEAD + b'a,b,0\n"Hola,Vengo.,0\n',
            ", line 3",
            "a field that begins with a quote ends with one",
        ),
        ("nli", "c.csv", HEAD + b'"No", dijo.,Vengo.,0\n', "", "4 columns, but the first row has 3"),
        ("nli", "c.csv", HEAD + b'"No" dijo.,Vengo.,0\n', ", line 2", "a quote within it is doubled"),
        ("nli", "c.csv", HEAD + "a,b,0\ná,b,0\n".encode("latin-1"), ", line 3", "not UTF-8"),
        ("nli", "c.csv", HEAD + b"a\0,b,0\n", ", row 1, column premise", r"'a\x00'; allowed: a text"),
        ("nli", "c.csv", "premise,hypothesis,label\n".encode("utf-16"), "", "UTF-16 or UTF-32, not UTF-8"),
        ("nli", "c.xlsx", b"PK", "", "a data file ends in .csv, .tsv, .jsonl, .json, .parquet, .arrow, .txt"),
        ("nli", "c.parquet", b"PAR1", "", "cannot be read"),
        ("nli", "c.arrow", b"ARROW1", "", "cannot be read"),
        ("pairs", "c.jsonl", b'{"anchor": "a", "positive": 4}\n', ", row 1, column positive", "4; allowed: a text"),
        (
            "pairs",
            "c.jsonl",
            b'{"anchor": "a", "positive": {"b": "c"}}\n',
            ", row 1, column positive",
            "{'b': 'c'}; allowed: a text or a list of texts",
        ),
        (
            "pairs",
            "c.jsonl",
            b'{"anchor": ["a"], "positive": ["b"]}\n',
            ", row 1, column anchor",
            "['a']; allowed: a text; correct",
        ),
        (
            "pairs",
            "c.jsonl",
            b'{"anchor": "a", "positive": "b"}\n{"anchor": "a"}\n',
            ", row 2, column positive",
            "nothing",
        ),
        ("pairs", "c.jsonl", b'{"anchor": "a", "positive": "b"}\n{"anchor": 1,', ", line 2", "not JSON"),
        ("pairs", "c.jsonl", b'{"anchor": "a", "positive": "b"}\n[1]\n', ", line 2", "'[1]' is not a JSON object"),
        ("pairs", "c.jsonl", b'{"anchor": "a", "anchor": "b"}\n', ", line 1", "'anchor' occurs twice"),
        (
            "pairs",
            "c.jsonl",
            b'{"anchor": "a"}\n{"anchor": 1}\n',
            ", line 2, column anchor",
            "a number, but a text in li",
        ),
        ("pairs", "c.jsonl", b'{"anchor": "2020-01-01", "positive": "b"}\n', ", row 1, column anchor", "datetime"),
        ("pairs", "c.jsonl", rb'{"anchor": "\ud800", "positive": "b"}', "", "cannot be read"),
        (
            "triplets",
            "c.csv",
            b"anchor,positive\na,b\n",
            "",
            "no column is named negatives; name it under columns.neg",
        ),
        (
            "triplets",
            "c.jsonl",
            b'{"query":"a","pos":["b"],"neg":["c"]}\n{"query":"a","pos":["b"],"neg":["c",null]}\n',
            ", row 2, column neg, place 2 of the list",
            "nothing; allowed: a text; correct",
        ),
        (
            "triplets",
            "c.jsonl",
            b'{"query":"a","pos":["b"],"neg":["c"]}\n{"query":"a","pos":["b"]}\n',
            ", row 2, column neg",
            "nothing; allowed: a text or a list of texts; correct",
        ),
        (
            "triplets",
            "c.jsonl",
            b'{"query":"a","pos":["b"],"neg":["c","d"]}\n\n{"query":"a","pos":["b"],"neg":["c",4]}\n',
            ", line 3, column neg, place 2 of the list",
            "a number, but a text in line 1; write the same in each",
        ),
        (
            "triplets",
            "c.jsonl",
            b'{"query":"a","pos":["b"],"neg":[[]]}\n',
            ", row 1, column neg, place 1 of the list",
            "[]; allowed: a text; correct",
        ),
        (
            "triplets",
            "c.jsonl",
            b'{"query":"a","pos":["b"],"neg":[{"text":"c"}]}\n',
            ", row 1, column neg, place 1 of the list",
            "{'text': 'c'}; allowed: a text; correct",
        ),
        ("pairs", "c.jsonl", b'{"query":"a","pos":[]}\n', "", "of 1 rows 1 have a text that is empty or missing; is"),
        (
            "scored",
            "c.csv",
            b"sentence1,sentence2,score\na,b,6\n",
            ", row 1, column score",
            "'6'; allowed: a number from",
        ),
        ("scored", "c.csv", b"sentence1,sentence2,score\na,b,nan\n", ", row 1, column score", "from 0 to 5, see scale"),
        ("scored", "c.jsonl", json.dumps(PAIR | {"score": True}).encode(), ", row 1, column score", "True; allowed:"),
        (
            "classed",
            "c.csv",
            b"sentence1,sentence2,class\na,b,\n",
            ", row 1, column class",
            "''; allowed: a word or a",
        ),
        (
            "classed",
            "c.jsonl",
            json.dumps(PAIR | {"class": 1.5}).encode(),
            ", row 1, column class",
            "1.5; allowed: a",
        ),
        ("texts", "c.txt", b"Hola.\n\xff\n", ", line 2", "not UTF-8"),
        ("texts", "c.txt", b"Hola.\nVen\0go.\n", ", row 2, column text", "allowed: a text"),
    ],
)
def test_what_is_malformed_is_refused_by_file_row_and_column_with_what_is_allowed(
    tmp_path: Path, shape: str, file: str, content: bytes, where: str, what: str
) -> None:
    put(tmp_path, {file: content})
    with pytest.raises(DataError) as caught:
        read("name", columned(shape, file), tmp_path)
    assert what in str(caught.value)
    assert f"{tmp_path / file}{where}: " in str(caught.value) or not where


def test_an_unknown_column_is_refused_with_those_that_the_file_has(tmp_path: Path) -> None:
    as_csv([{"a": "x", "b": "y"}], tmp_path / "c.csv")
    for columns, fault in (
        ({"anchor": "a", "positive": "c"}, r"no column 'c'; the file has 'a', 'b'"),
        ({"anchor": 0, "positive": 2}, r"no column 2; its first row has 2, counted from 0"),
    ):
        with pytest.raises(DataError, match=fault):
            read("name", columned("pairs", "c.csv", columns=columns), tmp_path)
    as_jsonl([{"a": "x", "b": "y"}], tmp_path / "c.jsonl")
    with pytest.raises(DataError, match="its columns have names; give these under columns, not places"):
        read("name", columned("pairs", "c.jsonl", columns={"anchor": 0, "positive": 1}), tmp_path)


def test_all_files_of_a_corpus_have_as_many_negatives(tmp_path: Path) -> None:
    row = {"anchor": "a", "positive": "b", "negative_1": "c"}
    as_csv([row], tmp_path / "c.csv")
    as_csv([row | {"negative_2": "d"}], tmp_path / "d.csv")
    with pytest.raises(DataError, match=r"d\.csv: 4 columns of triplets, but 3 in the file before"):
        read("name", columned("triplets", "c.csv", "d.csv"), tmp_path)
    columns = {"negatives": ["negative_1"]}
    table, _ = read("name", columned("triplets", "c.csv", "d.csv", columns=columns), tmp_path)
    assert table["negatives"].to_pylist() == [["c"], ["c"]]


def test_another_number_of_rows_than_declared_is_refused_with_both(tmp_path: Path) -> None:
    as_csv([{"text": "x"}], tmp_path / "c.csv")
    with pytest.raises(DataError, match=r"name: 1 rows in .*, expected 2"):
        read("name", columned("texts", "c.csv", rows=2), tmp_path)


@FUZZ
@given(st.sampled_from(["c.csv", "c.jsonl", "c.parquet", "c.txt"]), st.sampled_from(sorted(FIELDS)), st.binary())
def test_any_bytes_give_sound_rows_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, file: str, shape: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    head = {".csv": ",".join(FIELDS[shape]).encode() + b"\n", ".parquet": b"PAR1"}.get(Path(file).suffix, b"")
    put(folder, {file: head + content})
    try:
        table, counts = read("name", columned(shape, file), folder)
    except DataError as error:
        assert str(folder) in str(error)
    else:
        table.validate(full=True)
        assert counts["read"] == len(table) + counts["empty_sentence"]


def test_the_old_archives_yield_the_same_rows_as_a_dataset(root: Path) -> None:
    for name, form in (("terna_nli.tsv", "xnli_tsv"), ("terna_nli.jsonl", "snli_jsonl")):
        declared = corpus(form, name)
        made = as_dataset("sample", declared, root / "samples" / "nli")
        table, counts = read("sample", declared, root / "samples" / "nli")
        assert made.to_list() == table.to_pylist()
        assert made.features == datasets.Features.from_arrow_schema(PAIRS)
        assert sum(Counter(made["label"]).values()) == counts["read"]
