"""What a stage writes is there whole or not at all, and what it reads is what it says."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terna import records
from terna.errors import DataError
from terna.records import (
    PAIRS,
    SCORED,
    TRIPLETS,
    read_json,
    read_record,
    read_table,
    replacing,
    rerun,
    write_array,
    write_arrays,
    write_json,
    write_table,
)

TABLE = pa.table({name: [f"{name} {row}" for row in range(200)] for name in TRIPLETS.names})
FULL = Path("/dev/full")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("failure", [ValueError, OSError, KeyboardInterrupt])
@pytest.mark.parametrize("before", ["old", None])
def test_a_block_that_fails_leaves_the_old_file_as_it_was_and_nothing_beside_it(
    tmp_path: Path, failure: type[BaseException], before: str | None
) -> None:
    path = tmp_path / "file.txt"
    if before:
        path.write_text(before)
    with pytest.raises(failure), replacing(path) as beside:
        beside.write_text("half of the n")
        raise failure
    assert left(tmp_path) == (["file.txt"] if before else [])
    assert not before or path.read_text() == before


def test_a_block_that_succeeds_replaces_the_file_at_its_end_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    for content in ("first", "second"):
        with replacing(path) as beside:
            beside.write_text(content)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == content
    assert left(path.parent) == ["file.txt"]


def test_a_table_comes_back_as_it_was_with_the_schemas_columns_alone(tmp_path: Path) -> None:
    scored = pa.table(
        {"file": ["news"], "line": [3], "sentence1": ["¿Qué?"], "sentence2": ["\u2028"], "gold": [0.1]}, schema=SCORED
    )
    write_table(scored, tmp_path / "scored.parquet", SCORED)
    assert read_table(tmp_path / "scored.parquet", SCORED).equals(scored)
    two = pa.schema([SCORED.field("gold"), SCORED.field("line")])
    assert read_table(tmp_path / "scored.parquet", two).to_pydict() == {"gold": [0.1], "line": [3]}


def test_the_same_table_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_table(TABLE, tmp_path / name, TRIPLETS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_rows_are_written_in_the_order_of_their_places_the_same_bytes_however_they_are_chunked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "ROWS", 64)
    named = TABLE.append_column("number", pa.array(range(200)))
    chunked = pa.concat_tables([named.slice(first, 7) for first in range(0, 200, 7)])
    places = np.random.default_rng(0).permutation(200)[:150]
    write_table(named.take(pa.array(places)), tmp_path / "taken", named.schema)
    for table in (named, chunked):
        write_table(table, tmp_path / "rows", named.schema, rows=places)
        assert (tmp_path / "rows").read_bytes() == (tmp_path / "taken").read_bytes()
    assert read_table(tmp_path / "rows", named.schema).equals(named.take(pa.array(places)))
    assert pq.ParquetFile(tmp_path / "rows").num_row_groups == 3
    write_table(TABLE, tmp_path / "none", TRIPLETS, rows=places[:0])
    assert read_table(tmp_path / "none", TRIPLETS).equals(TRIPLETS.empty_table())


@pytest.mark.parametrize("parts", [[], [[]], [[1], [], [2, 3]], [[7] * 12_345, [8]]])
def test_an_array_that_is_written_in_parts_is_what_numpy_saves(tmp_path: Path, parts: list[list[int]]) -> None:
    write_array((np.array(part, np.int32) for part in parts), np.int32, tmp_path / "parts.npy")
    np.save(tmp_path / "whole.npy", np.array([number for part in parts for number in part], np.int32))
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_table_of_other_columns_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names"):
        write_table(TABLE, tmp_path / "pairs.parquet", PAIRS)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "not there; run the stage that writes it"),
        (lambda path: path.write_bytes(b""), "not a table of anchor, positive, negative"),
        (lambda path: path.write_text("anchor,positive,negative\n"), "not a table of anchor, positive, negative"),
        (lambda path: write_table(TABLE.drop_columns(["anchor"]), path, pa.schema(list(TRIPLETS)[1:])), "anchor"),
    ],
    ids=["missing", "empty", "CSV", "a column less"],
)
def test_what_is_no_such_table_is_named_with_its_path(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "train.parquet"
    make(path)
    with pytest.raises(DataError) as caught:
        read_table(path, TRIPLETS)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_text_where_numbers_belong_is_no_such_table(tmp_path: Path) -> None:
    other = pa.table({name: ["no number"] for name in SCORED.names})
    write_table(other, tmp_path / "scored.parquet", pa.schema([(name, pa.string()) for name in SCORED.names]))
    with pytest.raises(DataError, match=r"scored\.parquet: not a table of file, line"):
        read_table(tmp_path / "scored.parquet", SCORED)


def test_a_damaged_table_is_a_data_error_wherever_the_damage_is(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_table(TABLE, path, TRIPLETS)
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(len(sound), size=300).tolist():
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        refused += _is_refused(path)
        path.write_bytes(sound[:place])
        assert _is_refused(path), place
    assert refused > 100


def _is_refused(path: Path) -> bool:
    try:
        read_table(path, TRIPLETS)
    except DataError as error:
        return path.name in str(error)
    return False


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("write", ["array", "table", "json"])
def test_a_full_disk_is_an_error_that_names_the_file_and_says_that_it_is_full(tmp_path: Path, write: str) -> None:
    path = tmp_path / {"array": "ids.npy", "table": "train.parquet", "json": "stats.json"}[write]
    (tmp_path / f".{path.name}.part").symlink_to(FULL)
    writers: dict[str, Callable[[], None]] = {
        "array": lambda: write_arrays({"ids": np.arange(100_000)}, tmp_path),
        "table": lambda: write_table(TABLE, path, TRIPLETS),
        "json": lambda: write_json(["x" * 100_000], path),
    }
    with pytest.raises(OSError) as caught:
        writers[write]()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert left(tmp_path) == []


def test_arrays_are_written_as_numpy_writes_them(tmp_path: Path) -> None:
    arrays = {"flat": np.arange(3_000_000), "columns": np.asfortranarray(np.eye(7)), "none": np.empty((0, 4))}
    write_arrays(arrays, tmp_path)
    for name, array in arrays.items():
        np.save(tmp_path / "expected.npy", array)
        assert (tmp_path / f"{name}.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan_so_it_is_refused_and_the_old_file_stays(tmp_path: Path, value: float) -> None:
    path = tmp_path / "metrics.json"
    write_json({"loss": 1.5}, path)
    with pytest.raises(ValueError, match="JSON"):
        write_json({"loss": value}, path)
    assert left(tmp_path) == ["metrics.json"]
    assert read_json(path) == {"loss": 1.5}


def test_json_keeps_the_order_of_keys_and_is_written_as_people_read_it(tmp_path: Path) -> None:
    value = {"zeta": [1, None], "año": {"b": 1, "a": 0.1}}
    write_json(value, tmp_path / "value.json")
    text = (tmp_path / "value.json").read_text(encoding="utf-8")
    assert "año" in text and text.endswith("}\n")
    assert list(read_json(tmp_path / "value.json")) == ["zeta", "año"]
    assert json.loads(text) == read_json(tmp_path / "value.json") == value


@pytest.mark.parametrize(
    ("content", "words"), [(None, "not there"), (b"{", "not JSON"), (b"", "not JSON"), (b'"\xff"', "not JSON")]
)
def test_json_that_is_missing_or_broken_is_named_with_its_path(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "stats.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"stats\.json: {words}"):
        read_json(path)


ACCOUNTS = {"corpora": dict[str, dict[str, int]], "translated_by": str | None}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("null", r": null, expected an object with corpora, translated_by; run the translate stage again"),
        ("[1]", r": \[1\], expected an object with corpora, translated_by; "),
        ("{}", r": no 'corpora'; run the translate stage again \(dvc repro -s -f translate\)$"),
        ('{"corpora": {}}', r": no 'translated_by'; "),
        ('{"corpora": null, "translated_by": null}', r": corpora: Input should be an object; run"),
        ('{"corpora": {"a": 3}, "translated_by": null}', r": corpora: a: Input should be an object; run"),
        (
            '{"corpora": {"a": {"read": "3"}}, "translated_by": null}',
            r": corpora: a\.read: Input should be a valid i",
        ),
        ('{"corpora": {}, "translated_by": 4}', r": translated_by: .*Input should be a valid string; run"),
        ("[" * 100_000, r": nested too deeply; run the stage that writes it again"),
    ],
)
def test_a_record_of_another_shape_is_named_with_its_key_and_its_stage(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"accounts\.json{words}"):
        read_record(path, ACCOUNTS, rerun("translate"))


def test_a_folder_in_place_of_a_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "accounts.json").mkdir()
    with pytest.raises(DataError, match=r"accounts\.json: a folder, expected a file; move it away, and run the stage"):
        read_record(tmp_path / "accounts.json", ACCOUNTS, rerun("translate"))


def test_a_record_may_hold_more_than_is_asked_for(tmp_path: Path) -> None:
    whole = {"corpora": {"a": {"read": 3}}, "translated_by": None, "other": [1]}
    write_json(whole, tmp_path / "accounts.json")
    assert read_record(tmp_path / "accounts.json", ACCOUNTS, rerun("translate")) == whole
