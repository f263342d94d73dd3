"""A user's own pairs are read in any usual form, and what is not understood is refused by file, line and remedy."""

import csv
import io
import json
import unicodedata
from itertools import cycle
from pathlib import Path

import pytest
from corpora_inputs import OWN, OWN_LINE, corpus, put
from hypothesis import given, settings
from hypothesis import strategies as st

from terna.data.corpora import own, read_nli
from terna.data.corpora.texts import Text
from terna.errors import DataError
from terna.records import LABELS

FUZZ = settings(derandomize=True, deadline=None)
ODD = "uno\u2028dos\u2029tres\x85cuatro\x0bcinco\x0cseis"
OWN_COMMA = OWN.replace(b"\t", b",")
Pair = tuple[str, str, str]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=8)
pairs = st.lists(st.tuples(texts, texts, st.sampled_from(LABELS)), min_size=1, max_size=5)


def read(folder: Path, content: bytes, kind: str = "pairs_tsv") -> list[Pair]:
    put(folder, {"c.txt": content})
    table, _ = read_nli("name", corpus(kind, "c.txt"), folder)
    return list(zip(*(table[name].to_pylist() for name in ("premise", "hypothesis", "label")), strict=True))


def parsed(kind: str, content: str) -> list[Pair]:
    """What the parser makes of lines, without a file."""
    lines = iter(content.removesuffix("\n").split("\n"))
    return [row[:3] for row in {"t": own.pairs_tsv, "j": own.pairs_jsonl}[kind](Text("c", "c", lines))]


def clean(rows: list[Pair]) -> list[Pair]:
    return [(*(unicodedata.normalize("NFC", text.strip()) for text in row[:2]), row[2]) for row in rows]


@FUZZ
@given(pairs, st.sampled_from("\t,;"), st.booleans(), st.sampled_from(own.SENTENCES), st.sampled_from(own.GIVEN))
def test_what_a_csv_writer_writes_is_read_back(
    rows: list[Pair], delimiter: str, everything: bool, names: tuple[str, str], given: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL
    )
    writer.writerow(["id", given.upper(), *names])
    writer.writerows(("7", label, premise, hypothesis) for premise, hypothesis, label in rows)
    assert parsed("t", out.getvalue()) == clean(rows)


@FUZZ
@given(pairs, st.booleans(), st.sampled_from(own.SENTENCES), st.sampled_from(own.GIVEN))
def test_what_a_json_writer_writes_is_read_back(
    rows: list[Pair], plain: bool, names: tuple[str, str], given: str
) -> None:
    content = "".join(
        json.dumps({"other": [{}], names[0]: one, names[1]: two, given: label}, ensure_ascii=not plain) + "\n"
        for one, two, label in rows
    )
    assert parsed("j", content) == clean(rows)


@pytest.mark.parametrize("kind", ["pairs_tsv", "pairs_jsonl"])
def test_labels_in_any_case_with_blanks_and_as_numbers_lose_no_row(tmp_path: Path, kind: str) -> None:
    words = [*LABELS, *map(str.upper, LABELS), *map(str.title, LABELS), " Neutral ", "0", "1", "2"]
    meant = [*LABELS * 3, "neutral", *LABELS]
    if kind == "pairs_tsv":
        content = OWN + b"".join(f"Hola.\tVengo.\t{word}\n".encode() for word in words)
    else:
        content = b"".join(OWN_LINE.replace(b"neutral", word.encode()) for word in words)
        content += b"".join(OWN_LINE.replace(b'"neutral"', b"%d" % place) for place in range(3))
        meant += LABELS
    assert [label for _, _, label in read(tmp_path, content, kind)] == meant


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("kind", ["pairs_tsv", "pairs_jsonl"])
def test_any_line_end_ends_a_line_and_nothing_else_does(tmp_path: Path, end: bytes, start: bytes, kind: str) -> None:
    row = OWN_LINE if kind == "pairs_jsonl" else b"Hola.\tVengo.\tneutral\n"
    rows = [row.replace(b"Hola.", ODD.encode() if kind == "pairs_tsv" else "á\u2028b".encode()), row, b"\n"]
    content = start + b"".join([OWN * (kind == "pairs_tsv"), *rows]).replace(b"\n", end)
    found = read(tmp_path, content, kind)
    assert found == [(ODD if kind == "pairs_tsv" else "á\u2028b", "Vengo.", "neutral"), ("Hola.", "Vengo.", "neutral")]


def test_a_decomposed_sentence_is_the_composed_one(tmp_path: Path) -> None:
    assert read(tmp_path, OWN + "man\u0303ana\tsi\u0301\tneutral\n".encode()) == [("mañana", "sí", "neutral")]


def test_an_empty_sentence_is_counted_and_a_row_of_delimiters_is_a_blank_line(tmp_path: Path) -> None:
    put(tmp_path, {"c.txt": OWN + b"Hola.\t\tneutral\n\t\t\n\nHola.\tVengo.\tneutral\n"})
    table, counts = read_nli("name", corpus("pairs_tsv", "c.txt"), tmp_path)
    assert len(table) == 1
    assert counts == {"read": 2, "other_language": 0, "no_label": 0, "empty_sentence": 1}


@pytest.mark.parametrize("delimiter", [", ", ",  ", "; ", "\t "])
def test_spaces_after_a_delimiter_are_no_part_of_a_field_and_its_quotes_are_quotes(delimiter: str) -> None:
    lines = (["premise", "hypothesis", "label"], ['"Uno, va."', '"Va ""uno""; no."', "0"], ["Dos.", 'El "no".', '"2"'])
    found = parsed("t", "\n".join(delimiter.join(fields) for fields in lines))
    assert found == [("Uno, va.", 'Va "uno"; no.', "entailment"), ("Dos.", 'El "no".', "contradiction")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (OWN, "no pair in {folder} can be used: its files have no rows; is it the right file?"),
        (OWN + b"Hola.\t\tneutral\n\tHola.\tneutral\n", "can be used: 2 of 2 rows have an empty sentence; is it"),
    ],
)
def test_where_no_row_is_left_the_message_counts_why(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert words.format(folder=tmp_path) in str(caught.value)


TABLE = "the label is 'x'; allowed are entailment (or 0), neutral (or 1), contradiction (or 2); mend or drop the row"


@pytest.mark.parametrize(
    ("kind", "content", "number", "what"),
    [
        (
            "pairs_tsv",
            b"",
            1,
            "the file is empty; needed in its header, each once, with tab, comma or semicolon between",
        ),
        ("pairs_tsv", b"\n \n", 1, "the file is empty; needed in its header"),
        ("pairs_tsv", b"premise\thypo\tlabel\n", 1, "'premise\\thypo\\tlabel' is no such header; needed, each once,"),
        ("pairs_tsv", b"premise,hypothesis;label\n", 1, "no such header"),
        ("pairs_tsv", b"premise,hypothesis,label,gold_label\n", 1, "no such header"),
        ("pairs_tsv", b"premise,hypothesis,label,premise\n", 1, "no such header"),
        ("pairs_tsv", b"premise,hypothesis,label,x;premise;hypothesis;label;y\n", 1, "is parted by comma and by semi"),
        ("pairs_tsv", OWN + b"Hola.\tVengo.\tx\n", 2, TABLE),
        ("pairs_tsv", OWN + b"Hola.\tVengo.\t-\n", 2, "the label is '-'; allowed"),
        ("pairs_tsv", OWN + b"Hola.\tVengo.\t3\n", 2, "the label is '3'; allowed"),
        ("pairs_tsv", OWN + "Hola.\tVengo.\timplicación\n".encode(), 2, "the label is 'implicación'; allowed"),
        ("pairs_tsv", OWN + "Hola.\tVengo.\t\u202eneutral\n".encode(), 2, r"the label is '\u202eneutral'; allowed"),
        ("pairs_tsv", OWN + b"\nHola.\tVengo.\n", 3, "2 columns, but the header has 3; quote a field that holds a tab"),
        ("pairs_tsv", OWN + b'"Hola\tVengo.\tneutral\n', 2, "a field that begins with a quote ends with one"),
        ("pairs_tsv", OWN + b'"No", dijo.\tVengo.\tneutral\n', 2, "a quote within it is doubled"),
        ("pairs_jsonl", OWN_LINE + b'{"sentence1": "a", "label": 0}\n', 2, "the keys are 'sentence1, label'; needed"),
        ("pairs_jsonl", '{"oración": "a"}\n'.encode(), 1, "the keys are 'oración'; needed"),
        ("pairs_jsonl", rb'{"\ud800": "a"}', 1, r"the keys are '\ud800'; needed"),
        ("pairs_jsonl", OWN_LINE.replace(b'"neutral"', rb'"\ud800"'), 1, r"the label is '\ud800'; allowed are"),
        ("pairs_jsonl", OWN_LINE.replace(b'"Hola."', '["sí"]'.encode()), 1, "['sí'] is no text"),
        ("pairs_jsonl", OWN_LINE[:-2] + b', "label": 1}\n', 1, "the keys are 'premise, hypothesis, label, label'"),
        ("pairs_jsonl", OWN_LINE.replace(b'"neutral"', b"3"), 1, "the label is 3; allowed are"),
        ("pairs_jsonl", OWN_LINE.replace(b'"neutral"', b"true"), 1, "the label is True; allowed are"),
        ("pairs_jsonl", OWN_LINE.replace(b'"neutral"', b"1.0"), 1, "the label is 1.0; allowed are"),
        ("pairs_jsonl", OWN_LINE.replace(b'"Hola."', b"4"), 1, "4 is no text"),
        (
            "pairs_tsv",
            OWN_COMMA + b'\t"Uno va.","Va uno.",0\n',
            2,
            "has white space before its quote; remove it",
        ),
        ("pairs_tsv", OWN_COMMA + '"Uno va.", \u00a0"Va uno.",0\n'.encode(), 2, "has white space before its quote"),
        ("pairs_tsv", OWN_COMMA + b'"Uno va." , "Va uno.", 0\n', 2, "a field that begins with a quote ends with one"),
        ("pairs_jsonl", OWN_LINE.replace(b"Hola.", rb"\ud83d"), 1, "half a surrogate pair"),
        ("pairs_jsonl", OWN_LINE.replace(b"Hola.", rb"Ho\u0000la."), 1, "NUL or half a surrogate pair is no character"),
        ("pairs_jsonl", b"[1]\n", 1, "'[1]' is no JSON object; write one object a line"),
        ("pairs_jsonl", OWN_LINE + b"[" * 100_000, 2, "not JSON"),
    ],
)
def test_what_is_not_understood_is_refused_by_file_line_and_what_is_allowed(
    tmp_path: Path, kind: str, content: bytes, number: int, what: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content, kind)
    assert str(caught.value).startswith(f"{tmp_path / 'c.txt'}, line {number}: ")
    assert what in str(caught.value)


def test_every_second_label_in_capitals_loses_none_of_199_rows(tmp_path: Path) -> None:
    words = cycle([b"neutral", b"NEUTRAL"])
    content = OWN + b"".join(b"Hola %d.\tVengo.\t%b\n" % (number, next(words)) for number in range(199))
    assert len(read(tmp_path, content)) == 199
