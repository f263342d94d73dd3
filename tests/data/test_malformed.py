"""Each way to be malformed, in each shape and each kind of file: named by file, row and column, or counted."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from corpora_inputs import columned
from test_columns import WRITERS, Rows, as_folder

from terna.data.corpora import read, read_benchmark
from terna.errors import DataError
from terna.settings import Benchmark, Evaluate, File
from terna.settings.declaration import FIELDS

# a minute for all: each file is opened by `datasets` again
pytestmark = pytest.mark.slow

# of each shape the columns, and a mark where there is one
CORPORA = {
    "nli": ({"premise": "Uno ñ", "hypothesis": "Dos"}, {"label": ["neutral", "neutral", "entailment"]}),
    "pairs": ({"anchor": "Uno ñ", "positive": "Dos"}, {}),
    "triplets": ({"anchor": "Uno ñ", "positive": "Dos", "negative": "Tres"}, {}),
    "scored": ({"sentence1": "Uno ñ", "sentence2": "Dos"}, {"score": [1.0, 2.5, 5.0]}),
    "classed": ({"sentence1": "Uno ñ", "sentence2": "Dos"}, {"class": ["a", "b", "a"]}),
    "texts": ({"text": "Uno ñ"}, {}),
}
BENCHMARKS = {
    "scored": CORPORA["scored"],
    "classed": ({"sentence1": "Uno ñ", "sentence2": "Dos"}, {"class": [1, 0, 1]}),
    "ranking": ({"query": "Uno ñ", "document": "Dos"}, {"score": [1.0, 2.0, 1.0]}),
    "pairs": CORPORA["pairs"],
}
FILES = ("c.csv", "c.tsv", "c.jsonl", "c.parquet", "c")
# of the second row: a value, and what the message says was found; None where a CSV has another
TEXTS: dict[str, tuple[Any, str]] = {"NUL": ("a\0b", r"'a\x00b'")}
TYPED_TEXTS: dict[str, tuple[Any, str]] = {
    "nothing": (None, "nothing"),
    "a number": (7, "7"),
    "a list": (["a"], "['a']"),
    "a mapping": ({"a": "b"}, "{'a': 'b'}"),
    "true": (True, "True"),
}
MARKS: dict[str, dict[str, Any]] = {
    # true and false are classes
    "score": {"NaN": math.nan, "infinite": math.inf, "minus infinite": -math.inf},
    "label": {"unknown": "raro", "fraction": 1.5, "empty": ""},
    "class": {"fraction": 1.5, "empty": ""},
}
TYPED_MARKS: dict[str, Any] = {"nothing": None, "a list": [1.0]}
# columns that may hold lists of texts, and what is wrong in one
LISTS = ("positive", "negative")
ITEMS: dict[str, tuple[Any, str]] = {
    "NUL": ("a\0b", r"'a\x00b'"),
    "nothing": (None, "nothing"),
    "a number": (7, "7"),
    "a list": (["a"], "['a']"),
    "a mapping": ({"a": "b"}, "{'a': 'b'}"),
    "true": (True, "True"),
}
Reader = Callable[[], int]


def rows_of(texts: dict[str, str], mark: dict[str, list[Any]]) -> Rows:
    return [
        {**{name: f"{text} {n}." for name, text in texts.items()}, **{name: each[n] for name, each in mark.items()}}
        for n in range(3)
    ]


def write(rows: Rows, path: Path) -> None:
    text = path.suffix in (".csv", ".tsv")
    WRITERS[path.name](
        [{key: "" if text and value is None else value for key, value in row.items()} for row in rows], path
    )


def corpus(folder: Path, shape: str, file: str) -> Reader:
    def count() -> int:
        table, counts = read("name", columned(shape, file), folder)
        assert len(table) == counts["read"] - counts["empty_sentence"]
        return len(table)

    return count


def benchmark(folder: Path, shape: str, file: str) -> Reader:
    held = {"held_out": 1.0} if shape == "pairs" else {}
    files = [File([f"https://example.org/{file}"])]
    one = Benchmark("columns", shape=shape, files=files, exact=False, role="development", **held)  # type: ignore[arg-type]
    score = {"scored": "cosine_pearson", "classed": "cosine_ap"}.get(shape, "cosine_ndcg@10")

    def count() -> int:
        found = read_benchmark(
            folder.name, Evaluate({folder.name: one}, folder.name, False, score, [], {}), folder.parent
        )  # type: ignore[arg-type]
        return len(found.queries) if hasattr(found, "queries") else len(found)

    return count


def cells(texts: dict[str, str], mark: dict[str, list[Any]], shape: str, typed: bool) -> Iterator[tuple[str, Any, str]]:
    """A column, what its second row holds, and what the message says was found."""
    for name in texts:
        for value, found in (TEXTS | (TYPED_TEXTS if typed else {})).values():
            if not (isinstance(value, list) and name in LISTS):
                yield name, value, found
    for name in mark:
        wrong = {**MARKS[name], **(TYPED_MARKS if typed else {})}
        wrong |= {"out of its range": 5.5} if shape == "scored" else {}
        for value in wrong.values():
            shown = "nothing" if value is None else repr(value if typed else str(value))
            yield name, value, shown


@pytest.fixture(
    params=[*(("corpus", one) for one in CORPORA), *(("benchmark", one) for one in BENCHMARKS)], ids="-".join
)
def shaped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, Callable[..., Reader], Any]:
    kind, shape = request.param
    return (
        tmp_path,
        shape,
        corpus if kind == "corpus" else benchmark,
        (CORPORA if kind == "corpus" else BENCHMARKS)[shape],
    )


@pytest.mark.parametrize("file", FILES)
def test_a_cell_that_is_wrong_is_named_with_what_is_allowed(shaped: Any, file: str) -> None:
    folder, shape, reader, (texts, mark) = shaped
    typed = file not in ("c.csv", "c.tsv")
    for number, (column, value, shown) in enumerate(cells(texts, mark, shape, typed)):
        place = folder / str(number)
        place.mkdir()
        rows = rows_of(texts, mark)
        # one type a column, which the file's format asks for
        other = (
            typed and not isinstance(value, (str, type(None))) and not (column == "score" and isinstance(value, float))
        )
        for row in rows if other else rows[1:2]:
            row[column] = value
        if column in ("class", "label") and isinstance(value, str) and typed:
            rows = [row | {column: value if n == 1 else str(row[column])} for n, row in enumerate(rows)]
        write(rows, place / file)
        with pytest.raises(DataError) as caught:
            reader(place, shape, file)()
        where = f"{place / file}, row {1 if other else 2}, column {column}: {shown[:60]}; allowed: "
        assert str(caught.value).startswith(where), f"{column}, {value!r}: {caught.value}"


@pytest.mark.parametrize("file", ["c.jsonl", "c.parquet", "c"])
@pytest.mark.parametrize("column", LISTS)
def test_what_is_wrong_in_a_list_is_named_with_its_place_there(tmp_path: Path, column: str, file: str) -> None:
    texts, _ = CORPORA["triplets"]
    for number, (value, shown) in enumerate(ITEMS.values()):
        place = tmp_path / str(number)
        place.mkdir()
        rows: Rows = [
            {name: [text] if name in LISTS else text for name, text in row.items()} for row in rows_of(texts, {})
        ]
        # one type a column, which the file's format asks for
        text = isinstance(value, (str, type(None)))
        for row in rows[1:2] if text else rows:
            row[column] = ["Uno.", value] if text else [value, value]
        write(rows, place / file)
        with pytest.raises(DataError) as caught:
            corpus(place, "triplets", file)()
        where = f"{place / file}, row {2 if text else 1}, column {column}, place {2 if text else 1} of the list"
        assert str(caught.value) == f"{where}: {shown}; allowed: a text; correct or drop the row"


@pytest.mark.parametrize("file", FILES)
def test_an_empty_text_is_counted_in_a_corpus_and_named_in_a_benchmark(shaped: Any, file: str) -> None:
    folder, shape, reader, (texts, mark) = shaped
    for column in texts:
        rows = rows_of(texts, mark)
        rows[1][column] = " "
        place = folder / column
        place.mkdir()
        write(rows, place / file)
        if reader is corpus or shape == "pairs":
            assert reader(place, shape, file)() == 2
            continue
        with pytest.raises(DataError, match=rf"row 2, column {column}: ' ?'; allowed: a text that is not empty"):
            reader(place, shape, file)()


@pytest.mark.parametrize("file", FILES)
def test_a_column_that_is_missing_is_named_with_those_there_are(shaped: Any, file: str) -> None:
    folder, shape, reader, (texts, mark) = shaped
    for column in [*texts, *mark]:
        if shape == "ranking" and column == "score":  # every row is relevant then
            continue
        place = folder / column
        place.mkdir()
        rows = [
            {("otra" if name == column else name): value for name, value in row.items()} for row in rows_of(texts, mark)
        ]
        write(rows, place / file)
        with pytest.raises(DataError) as caught:
            reader(place, shape, file)()
        field = "negatives" if column == "negative" else column
        assert str(caught.value).startswith(f"{place / file}: no column is named {field}; name it under columns.")
        assert "'otra'" in str(caught.value)


def damaged(path: Path) -> Iterator[tuple[str, bytes, str]]:
    """What is wrong with a file as a whole, its bytes, and what the message says; nothing where it can be read."""
    content = path.read_bytes() if path.suffix == ".parquet" else path.read_bytes().replace(b"\r\n", b"\n")
    yield "empty", b"", "the file is empty"
    if path.suffix == ".parquet":
        yield "cut", content[: len(content) // 2], "cannot be read"
        return
    lines, tab = content.split(b"\n"), b"\t" if path.suffix == ".tsv" else b","
    latin = [line.decode().encode("latin-1") if n == 2 else line for n, line in enumerate(lines)]
    row = "row 3, column " if path.suffix == ".jsonl" else "line 3: "
    yield "Latin-1", b"\n".join(latin), row
    yield "UTF-16", content.decode().encode("utf-16"), "UTF-16 or UTF-32, not UTF-8; convert it"
    yield "a mark of byte order", b"\xef\xbb\xbf" + content, ""
    if path.suffix == ".jsonl":
        yield "cut", content[:-8], "line 3: not JSON"
        yield "no object", content + b"[1]\n", "line 4: '[1]' is not a JSON object"
        return
    yield (
        "a quote",
        b"\n".join([*lines[:2], b'"' + lines[2], *lines[3:]]),
        "line 3: unexpected end of data; a field that",
    )
    yield "ragged", b"\n".join([*lines[:2], lines[2] + tab + b"x", *lines[3:]]), "line 3: "
    if tab in lines[0]:
        yield "short", b"\n".join([*lines[:2], lines[2].rpartition(tab)[0], *lines[3:]]), "line 3: "


@pytest.mark.parametrize("file", [file for file in FILES if file != "c"])
def test_a_file_that_is_damaged_is_named_with_the_place(shaped: Any, file: str) -> None:
    folder, shape, reader, (texts, mark) = shaped
    write(rows_of(texts, mark), folder / file)
    for number, (fault, content, told) in enumerate(damaged(folder / file)):
        place = folder / str(number)
        place.mkdir()
        (place / file).write_bytes(content)
        if not told:
            assert reader(place, shape, file)() == 3
            continue
        with pytest.raises(DataError) as caught:
            reader(place, shape, file)()
        assert str(place / file) in str(caught.value) and told in str(caught.value), f"{fault}: {caught.value}"


def test_a_folder_that_is_cut_or_empty_is_named(tmp_path: Path) -> None:
    as_folder([{"text": "Uno."}, {"text": "Dos."}], tmp_path / "c")
    first, second = sorted((tmp_path / "c").glob("*.arrow"))
    second.write_bytes(second.read_bytes()[:200])
    with pytest.raises(DataError, match=rf"{second.name}: cannot be read"):
        corpus(tmp_path, "texts", "c")()
    first.unlink()
    second.unlink()
    with pytest.raises(DataError, match=r"c: no \.arrow file in this folder"):
        corpus(tmp_path, "texts", "c")()


def test_every_shape_is_tried() -> None:
    assert set(CORPORA) == set(FIELDS)
    assert set(BENCHMARKS) == set(Benchmark.shapes) - {"texts"}
