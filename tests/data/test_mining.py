"""Hard negatives: sentence-transformers' own, what is never one, and the rows that they are put into."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives

from terna.data import mining
from terna.data.examples import Tables
from terna.data.mining import Search, all_rows, chosen, questions, with_negatives
from terna.data.mining.approximate import Cells
from terna.data.mining.nearest import nearest
from terna.errors import DataError, ModelError
from terna.records import POSITIVES, TRIPLETS, TUPLES
from terna.sentences import fold
from terna.settings import Mine
from terna.systems import load_system, store_vectors

Numbers = NDArray[Any]

NOTHING = Mine(
    encoder="e",
    negatives=3,
    range_min=0,
    range_max=None,
    absolute_margin=None,
    relative_margin=None,
    max_score=None,
    min_score=None,
    sampling="top",
    search="exact",
    others="keep",
)


def triplets(rows: list[tuple[str, ...]]) -> pa.Table:
    return pa.table([*([row[i] for row in rows] for i in range(3)), ["c"] * len(rows)], schema=TRIPLETS)


def tuples(rows: list[tuple[str, str, list[str]]]) -> pa.Table:
    return pa.table([*([row[i] for row in rows] for i in range(3)), ["d"] * len(rows)], schema=TUPLES)


def positives(pairs: list[tuple[str, str]]) -> pa.Table:
    return pa.table([[pair[i] for pair in pairs] for i in range(2)], schema=POSITIVES)


def mined(
    rows: pa.Table, known: pa.Table, candidates: list[str], vector: Callable[[list[str]], Any], asked: Mine
) -> Any:
    """The MINED table by the vectors that a function gives."""
    question = questions(rows, known, pa.array(candidates))
    vectors = np.array(vector(question.texts.to_pylist()), np.float32)
    search = Search.over(vectors, len(candidates), question)
    return with_negatives(rows, question, chosen(search, asked, seed=5))


def drawn(texts: list[str]) -> Numbers:
    """A vector for each text, whatever comes with it; an anchor and its positives, by their number, are near."""
    return np.stack([normal(text) + 1.3 * normal(topic(text)) for text in texts]).astype(np.float32)


def topic(text: str) -> str:
    return next((word for word in text.split() if word.isdigit()), "")


def normal(text: str) -> Numbers:
    return np.random.default_rng(list(text.encode())).normal(size=16)


class Given:
    """The part of a SentenceTransformer that `mine_hard_negatives` asks, with vectors that are given."""

    device = torch.device("cpu")

    def encode_document(self, texts: list[str], **_: object) -> Numbers:
        vectors = drawn(texts)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    encode_query = encode_document

    def similarity(self, left: Numbers, right: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(left) @ right.T

    def similarity_pairwise(self, left: Numbers, right: torch.Tensor) -> torch.Tensor:
        return (torch.as_tensor(left) * right).sum(1)


def neighbours(rows: list[tuple[str, str]], corpus: list[str], model: Any, asked: Mine) -> list[tuple[str, ...]]:
    """What sentence-transformers gives for anchors and positives, sorted."""
    options = {name: getattr(asked, name) for name in ("range_min", "range_max", "absolute_margin", "relative_margin")}
    found = mine_hard_negatives(
        Dataset.from_dict({"anchor": [row[0] for row in rows], "positive": [row[1] for row in rows]}),
        model,
        corpus=corpus,
        num_negatives=asked.negatives,
        max_score=asked.max_score,
        min_score=asked.min_score,
        output_format="n-tuple",
        verbose=False,
        **options,
    )
    return sorted(tuple(row.values()) for row in found)


def pairs_of(count: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Anchors with one to three positives each, and a corpus of these and others, without the anchors."""
    rows = [(f"ancla {row}", f"eco {row} {number}") for row in range(count) for number in range(1 + row % 3)]
    return rows, [*(row[1] for row in rows), *(f"otra frase {row}" for row in range(3 * count))]


def ours(rows: list[tuple[str, str]], corpus: list[str], vector: Callable[[list[str]], Any], asked: Mine) -> list[Any]:
    """The same by terna."""
    table = all_rows(triplets([]), tuples([(*row, []) for row in rows]))
    found = mined(table, positives([]), corpus, vector, asked).to_pylist()
    return sorted((row["anchor"], row["positive"], *row["negatives"]) for row in found if row["negatives"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"range_min": 4, "negatives": 2},
        {"range_max": 7},
        {"absolute_margin": 0.1},
        {"relative_margin": 0.05, "range_max": 20},
        {"relative_margin": 0.3, "range_min": 2},
        {"max_score": 0.6, "min_score": 0.1},
        {"max_score": 0.5, "range_max": 12, "relative_margin": 0.0, "absolute_margin": 0.2},
    ],
    ids=str,
)
def test_the_negatives_are_sentence_transformers_own(options: dict[str, Any]) -> None:
    rows, corpus = pairs_of(60)
    asked = replace(NOTHING, **options)
    expected = neighbours(rows, corpus, Given(), asked)
    assert 20 < len(expected) <= len(rows)
    assert ours(rows, corpus, drawn, asked) == expected


def test_by_the_vectors_of_an_encoder_too(encoder_folder: Path, tmp_path: Path) -> None:
    rows, corpus = pairs_of(12)
    asked = replace(NOTHING, absolute_margin=0.002)

    def vectors(texts: list[str]) -> Any:
        store_vectors(load_system(str(encoder_folder)), texts, tmp_path / "v.npy", name="encode", progress=False)
        return np.load(tmp_path / "v.npy")

    expected = neighbours(rows, corpus, SentenceTransformer(str(encoder_folder), device="cpu"), asked)
    assert len(expected) > 5
    assert ours(rows, corpus, vectors, asked) == expected


@pytest.mark.parametrize("block", [3, 8, 100])
@pytest.mark.parametrize("count", [1, 4, 11, 40])
def test_the_nearest_are_those_of_a_sort_and_of_equals_the_lower_row(
    monkeypatch: pytest.MonkeyPatch, block: int, count: int
) -> None:
    monkeypatch.setattr(mining.nearest, "BLOCK", block)
    rng = np.random.default_rng(block)
    queries, candidates = (rng.integers(-2, 3, size=(size, 2)).astype(np.float32) for size in (9, 30))
    scores, rows = nearest(queries, candidates, count)
    for query, own, places in zip(queries, scores, rows, strict=True):
        products = candidates @ query
        expected = sorted(range(30), key=lambda row: (-products[row], row))[:count]
        assert places.tolist() == expected + [-1] * (count - len(expected))
        assert own[: len(expected)].tolist() == products[expected].tolist()
        assert np.isneginf(own[len(expected) :]).all()


TRAIN = [("Sol", "Luna", "Mar"), ("Luna", "Sol", "Mar"), ("SOL", "Estrella", "Pan"), ("Río", "Agua", "Sal")]
TUPLED = [("Sol", "Astro", ["Té"]), ("Monte", "Cerro", ["Valle", "Llano"])]
KNOWN = [("Sol", "Luna"), ("Luna", "Sol"), ("Luna", "Satélite"), ("Satélite", "Luna")]


def test_no_negative_is_the_anchor_a_known_positive_or_one_that_the_anchor_has_by_a_brute_force() -> None:
    rows = all_rows(triplets(TRAIN), tuples(TUPLED))
    texts = ["sol", "LUNA", "Mar", "estrella", "Pan", "Río", "Agua", "Sal", "Astro", "Té", "Monte", "Cerro", "Valle"]
    candidates = [*texts, "Llano", "Satélite", *(f"Otra {number}" for number in range(9))]
    asked = replace(NOTHING, negatives=4, range_min=1)
    found = mined(rows, positives(KNOWN), candidates, drawn, asked).to_pylist()
    whole = [(*row[:2], [row[2]]) for row in TRAIN] + TUPLED
    follows = [*KNOWN, *((anchor, positive) for anchor, positive, _ in whole)]
    for (anchor, positive, own), row in zip(whole, found, strict=True):
        never = {anchor} | {b for a, b in follows if fold(a) == fold(anchor)}
        never |= {a for a, b in follows if fold(b) == fold(anchor)}
        never |= {text for other, _, texts in whole if fold(other) == fold(anchor) for text in texts}
        left = [text for text in candidates if fold(text) not in map(fold, never)]
        vectors = [vector / np.linalg.norm(vector) for vector in drawn([anchor, *left])]
        left.sort(key=dict(zip(left, (-vector @ vectors[0] for vector in vectors[1:]), strict=True)).__getitem__)
        assert (row["anchor"], row["positive"]) == (anchor, positive)
        assert row["negatives"] == [*own, *left[1:5]]
    assert [(row["source"], row["row"], row["corpus"]) for row in found] == [
        *(("train", number, "c") for number in range(4)),
        *(("tuples", number, "d") for number in range(2)),
    ]


def test_at_random_they_are_among_those_that_are_left_the_same_for_a_seed_and_others_for_another() -> None:
    rows, corpus = pairs_of(40)
    table = all_rows(triplets([]), tuples([(*row, []) for row in rows]))
    question = questions(table, positives([]), pa.array(corpus))
    search = Search.over(drawn(question.texts.to_pylist()), len(corpus), question)
    asked = replace(NOTHING, relative_margin=0.1, range_max=12)
    every = chosen(search, replace(asked, negatives=1), 0)
    found = [chosen(search, replace(asked, sampling="random"), seed) for seed in (1, 1, 2)]
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])
    top = chosen(search, asked, 1)
    assert ((found[0][:, 0] >= 0) == (top[:, 0] >= 0)).all() and (every[:, 0] >= 0).sum() >= (top[:, 0] >= 0).sum()
    unit = search.vectors
    for anchor, own, lowest in zip(search.anchors, found[0], search.positives, strict=True):
        if own[0] >= 0:
            similarities = unit[own] @ unit[anchor]
            assert len(set(own.tolist())) == 3
            assert (np.diff(similarities) <= 1e-6).all() and (similarities <= lowest - abs(lowest) * 0.1 + 1e-6).all()
    assert not np.array_equal(found[0], top)


def clustered(count: int, seed: int) -> Numbers:
    """Vectors (count, 32) of length 1 around a hundred centres, as sentences lie around their subjects."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((100, 32))
    vectors = (centres[rng.integers(100, size=count)] + 0.5 * rng.standard_normal((count, 32))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_faiss_finds_most_of_what_is_nearest_and_the_same_each_time() -> None:
    pytest.importorskip("faiss", reason="faiss is not installed: pip install -e '.[faiss]'")
    candidates, queries = clustered(20_000, 1), clustered(200, 2)
    scores, rows = nearest(queries, candidates, 10)
    found = [Cells(candidates).nearest(queries, 10) for _ in range(2)]
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
    hits = np.array([len({*own} & {*due}) for own, due in zip(found[0][1].tolist(), rows.tolist(), strict=True)])
    assert hits.mean() > 9
    same = found[0][1] == rows
    assert same[:, 0].mean() > 0.9 and np.allclose(found[0][0][same], scores[same], atol=1e-6)
    few, places = Cells(candidates[:3]).nearest(queries, 10)
    assert np.array_equal(places[:, :3], nearest(queries, candidates[:3], 10)[1][:, :3])
    assert (places[:, 3:] == -1).all() and np.isneginf(few[:, 3:]).all()


def test_without_faiss_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ModelError, match=r"^mine\.search: faiss cannot be imported .*; pip install -e '\.\[faiss\]'$"):
        mining.check_faiss()


def test_rows_with_negatives_take_the_place_of_those_that_they_were_made_of() -> None:
    tables = Tables(triplets(TRAIN), triplets([]), positives(KNOWN[:2]), tuples=tuples(TUPLED))
    rows = all_rows(tables.train, tables.tuples)
    got = rows.filter(pa.array([False, True, False, False, True, False]))
    added = got.set_column(2, rows.schema.field(2), pa.array([["Mar", "Pan"], ["Té", "Sal"]]))
    found = tables.with_mined(added)
    assert found.train.to_pylist() == [row for number, row in enumerate(tables.train.to_pylist()) if number != 1]
    assert [tuple(row.values()) for row in found.tuples.to_pylist()] == [
        ("Monte", "Cerro", ["Valle", "Llano"], "d"),
        ("Luna", "Sol", ["Mar", "Pan"], "c"),
        ("Sol", "Astro", ["Té", "Sal"], "d"),
    ]
    assert found.positives == tables.positives
    assert tables.with_mined(rows.slice(0, 0)) is tables
    for others in (tables.train.slice(1), tables.train.slice(0, 1)):
        with pytest.raises(DataError, match=r"data/mined/tuples\.parquet: made of other rows; run the mine stage"):
            replace(tables, train=others).with_mined(added)


def test_rows_with_too_few_may_be_left_out_and_what_is_known_of_their_sentences_with_them() -> None:
    tables = Tables(triplets(TRAIN[:1] + TRAIN[3:]), triplets([]), positives([*KNOWN[:2], ("Río", "Agua")]))
    rows = all_rows(tables.train, tables.tuples)
    found = tables.with_mined(
        rows.set_column(2, rows.schema.field(2), pa.array([["Mar", "Pan"], []], pa.list_(pa.string())))
    )
    assert not len(found.train)
    assert [row["anchor"] for row in found.tuples.to_pylist()] == ["Sol"]
    assert found.positives.to_pylist() == positives(KNOWN[:2]).to_pylist()
