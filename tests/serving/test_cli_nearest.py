"""The exact search of a corpus in chunks, against sorting all of it; its memory; and the index beside it."""

import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from terna.errors import DataError
from terna.metrics.similarity import SIMILARITIES, pairwise
from terna.serving.cli import approximate, corpus
from terna.serving.cli.nearest import nearest
from terna.serving.cli.quantization import Layout
from terna.serving.cli.writers import parquet

WIDTH = 16


def drawn(count: int, seed: int) -> Any:
    """Vectors (count, WIDTH) of which many are equal and some are zeros."""
    rng = np.random.default_rng(seed)
    few = rng.standard_normal((max(1, count // 3), WIDTH)).astype(np.float32) * 30
    few[0] = 0
    return few[rng.integers(len(few), size=count)]


def chunks(vectors: Any, size: int) -> Iterator[tuple[list[str | None], Any]]:
    """Every fifth line is a bad one."""
    for first in range(0, len(vectors), size):
        part = vectors[first : first + size].copy()
        bad = (first + np.arange(len(part))) % 5 == 4
        part[bad] = np.nan
        yield [None if gone else f"{first + row}" for row, gone in enumerate(bad)], part


@pytest.mark.parametrize("measure", SIMILARITIES)
@pytest.mark.parametrize(("count", "size"), [(1, 9), (10, 25), (10, 200), (300, 64), (2**31, 50)])
def test_it_finds_what_sorting_all_finds_of_equals_the_first(measure: str, count: int, size: int) -> None:
    vectors, queries = drawn(200, 1), np.concatenate([drawn(300, 2), drawn(200, 1)[:5]])
    found, lines = nearest(queries, chunks(vectors, size), count, measure)
    good = np.flatnonzero(np.arange(200) % 5 != 4)
    assert lines == 200
    for query, one in zip(queries, found, strict=True):
        due = pairwise(np.tile(query, (len(good), 1)), vectors[good])[measure]
        order = np.argsort(-due, kind="stable")[:count]
        assert one.lines.tolist() == good[order].tolist()
        assert one.texts == [str(line) for line in good[order]]
        np.testing.assert_array_equal(one.scores, due[order])


def write(path: Path, vectors: Any, kind: str = "float32", size: int = 256) -> Layout:
    layout = Layout(kind, vectors.shape[1])  # type: ignore[arg-type]
    with path.open("wb") as sink, parquet(sink, layout, {}) as put:
        for texts, part in chunks(vectors, size):
            put(texts, part)
    return layout


def peak(path: Path, layout: Layout, queries: Any) -> int:
    """Bytes of numpy and of Arrow that a search holds at most, beside what it began with."""
    pool = pa.default_memory_pool()
    arrow: list[int] = []

    def watched() -> Iterator[Any]:
        for each in corpus.vectors_in(path, 256, layout):
            arrow.append(pool.bytes_allocated())
            yield each

    before = pool.bytes_allocated()
    tracemalloc.start()
    nearest(queries, watched(), 10, "cosine")
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held + max(arrow) - before


@pytest.mark.parametrize("kind", ["float32", "int8", "binary"])
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, kind: str) -> None:
    held = []
    for count in (2_000, 20_000):
        layout = write(tmp_path / "v.parquet", drawn(count, 3), kind)
        held.append(peak(tmp_path / "v.parquet", layout, drawn(5, 4)))
    assert held[1] < 1.3 * held[0]


@pytest.fixture
def faiss() -> Any:
    return pytest.importorskip("faiss", reason="faiss is not installed: pip install -e '.[faiss]'")


def clustered(count: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((100, WIDTH))
    return (centres[rng.integers(100, size=count)] + 0.5 * rng.standard_normal((count, WIDTH))).astype(np.float32)


def indexed(folder: Path, layout: Layout, queries: Any, count: int = 10) -> tuple[Sequence[Any], int]:
    return approximate.nearest(folder / "i.faiss", folder / "v.parquet", layout, queries, count, 256)


@pytest.mark.parametrize("kind", ["float32", "int8", "binary"])
def test_the_index_finds_nearly_all_and_the_same_each_time(faiss: Any, tmp_path: Path, kind: str) -> None:
    layout, queries = write(tmp_path / "v.parquet", clustered(3000, 1), kind), clustered(50, 2)
    due, _ = nearest(queries, corpus.vectors_in(tmp_path / "v.parquet", 256, layout), 10, "cosine")
    contents = []
    for _ in range(2):
        found, lines = indexed(tmp_path, layout, queries)
        again, _ = indexed(tmp_path, layout, queries)  # from the file
        assert [one.lines.tolist() for one in found] == [one.lines.tolist() for one in again]
        contents.append((tmp_path / "i.faiss").read_bytes())
        (tmp_path / "i.faiss").unlink()
    assert contents[0] == contents[1] and lines == 3000
    # of equal signs there are more than are asked for: how near they are is what counts
    assert np.mean([np.isclose(one.scores, own.scores, atol=1e-6) for one, own in zip(found, due, strict=True)]) > 0.95
    for one in found:
        assert (np.diff(one.scores) <= 0).all() and one.texts == [str(line) for line in one.lines]


def test_more_lines_than_an_index_has_are_all_that_have_a_text(faiss: Any, tmp_path: Path) -> None:
    layout = write(tmp_path / "v.parquet", clustered(20, 1))
    found, _ = indexed(tmp_path, layout, clustered(1, 2), 2**31)
    assert sorted(found[0].lines.tolist()) == [line for line in range(20) if line % 5 != 4]
    layout = write(tmp_path / "v.parquet", clustered(0, 1))
    for path in tmp_path.glob("i.*"):
        path.unlink()
    found, lines = indexed(tmp_path, layout, clustered(1, 2))
    assert (found[0].texts, lines) == ([], 0)


def test_an_index_of_another_corpus_or_what_is_none_is_refused(faiss: Any, tmp_path: Path) -> None:
    layout = write(tmp_path / "v.parquet", clustered(50, 1))
    indexed(tmp_path, layout, clustered(1, 2))
    whole = (tmp_path / "i.faiss").read_bytes()
    (tmp_path / "i.faiss").write_bytes(whole[:100])
    with pytest.raises(DataError, match=r"i\.faiss: not what search wrote there \(.*\); remove it, or give another"):
        indexed(tmp_path, layout, clustered(1, 2))
    (tmp_path / "i.faiss").write_bytes(whole)
    write(tmp_path / "v.parquet", clustered(50, 3))
    with pytest.raises(DataError, match=r"i\.faiss: made of another corpus than .*v\.parquet; remove it, or give ano"):
        indexed(tmp_path, layout, clustered(1, 2))
    (tmp_path / "i.faiss.json").unlink()
    with pytest.raises(DataError, match=r"i\.faiss: not what search wrote there \(.*No such file"):
        indexed(tmp_path, layout, clustered(1, 2))


def test_texts_are_found_by_their_places(tmp_path: Path) -> None:
    write(tmp_path / "v.parquet", drawn(1000, 1), size=64)
    due = {place: None if place % 5 == 4 else str(place) for place in (994, 0, 63, 64, 65)}
    assert corpus.texts_at(tmp_path / "v.parquet", [994, 0, 63, 64, 65, 0]) == (due, 1000)
    assert corpus.texts_at(tmp_path / "v.parquet", []) == ({}, 1000)
    assert pq.read_metadata(tmp_path / "v.parquet").num_row_groups == 16
    write(tmp_path / "w.parquet", drawn(70, 1), size=64)
    assert corpus.texts_at(tmp_path, [1003, 999, 1066]) == ({1003: "3", 999: None, 1066: "66"}, 1070)


def test_a_folder_of_files_is_indexed_as_the_one_file_is(faiss: Any, tmp_path: Path) -> None:
    vectors, folder = clustered(500, 1), tmp_path / "shards"
    folder.mkdir()
    layout = write(tmp_path / "v.parquet", vectors)
    for number, part in enumerate(np.split(vectors, [300])):
        write(folder / f"{number}.parquet", part)
    one, rows = indexed(tmp_path, layout, clustered(3, 2))
    both = approximate.nearest(tmp_path / "both", folder, layout, clustered(3, 2), 10, 300)
    assert both[1] == rows == 500
    assert [each.lines.tolist() for each in both[0]] == [each.lines.tolist() for each in one]
