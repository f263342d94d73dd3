"""A benchmark is taken apart as slow, obvious code takes it apart."""

import itertools
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import pearsonr, spearmanr

from terna.errors import DataError
from terna.evaluation.baselines import lexical
from terna.evaluation.diagnosis import Diagnosis, Neighbour, Neighbours, Part, Scored, diagnose, read, spread, write
from terna.records import SCORED

WORDS = ["sol", "mar", "pan", "luz", "río", "tren", "casa", "perro", "noche", "viento", "puerta", "jardín"]
N = 120


def scored(seed: int = 3, **changed: object) -> Scored:
    """Pairs of random words, with predictions that follow the gold a little."""
    rng = np.random.default_rng(seed)
    first = [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(N)]
    second = [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(N)]
    gold = rng.integers(0, 26, N) / 5
    files = ["news" if place % 3 else "wiki" for place in range(N)]
    table = pa.table([files, list(range(N)), first, second, gold], schema=SCORED)
    lexis = lexical(first, second)
    columns = {
        "predicted": gold / 5 + rng.normal(0, 0.3, N),
        "baseline": lexis["tfidf_chars"],
        "overlap": lexis["jaccard"],
    }
    return Scored(
        **{"table": table, "measure": "cosine", "kind": "pearson", **columns, "scale": [0, 5], "seed": 1} | changed
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def one() -> Scored:
    return scored()


@pytest.fixture(scope="module")
def found(one: Scored) -> Diagnosis:
    return diagnose(one, {})


def words(row: dict[str, str]) -> int:
    return len(re.findall(r"\w+", f"{row['sentence1']} {row['sentence2']}"))


def shared(row: dict[str, str]) -> float:
    one, two = (set(re.findall(r"\w+", row[name].lower())) for name in ("sentence1", "sentence2"))
    return len(one & two) / len(one | two)


def agrees(part: Part, one: Scored, chosen: Callable[[dict[str, object]], bool]) -> None:
    rows = [place for place, row in enumerate(one.table.to_pylist()) if chosen(row)]
    assert part.n == len(rows)
    if len(rows) < 10:
        assert part.pearson is part.spearman is part.baseline_pearson is part.difference is None
        return
    gold, model, baseline = one.gold[rows], one.predicted[rows], one.baseline[rows]
    assert part.pearson == pytest.approx(pearsonr(model, gold)[0])
    assert part.spearman == pytest.approx(spearmanr(model, gold)[0])
    if np.ptp(baseline):
        assert part.baseline_pearson == pytest.approx(pearsonr(baseline, gold)[0])
        assert part.baseline_spearman == pytest.approx(spearmanr(baseline, gold)[0])
        assert part.difference == pytest.approx(pearsonr(model, gold)[0] - pearsonr(baseline, gold)[0])
        low, high = part.ci95
        assert low is not None
        assert high is not None
        assert low < part.difference < high


def test_every_file_has_its_figures(one: Scored, found: Diagnosis) -> None:
    assert [part.name for part in found.by_file] == ["wiki", "news"]
    for part in found.by_file:
        agrees(part, one, lambda row, part=part: row["file"] == part.name)  # type: ignore[misc]


def test_thirds_by_length_hold_each_pair_once_and_keep_pairs_of_one_length_together(
    one: Scored, found: Diagnosis
) -> None:
    ranges = [tuple(int(word) for word in re.findall(r"\d+", part.name)) for part in found.by_length]
    assert len(ranges) == 3
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))
    assert sum(part.n for part in found.by_length) == N
    assert all(abs(part.n - N / 3) < N / 6 for part in found.by_length)
    for part, (low, high) in zip(found.by_length, ranges, strict=True):
        agrees(part, one, lambda row, low=low, high=high: low <= words(row) <= high)  # type: ignore[misc]


def test_pairs_of_one_length_are_one_part(one: Scored) -> None:
    same = one.table.set_column(2, "sentence1", pa.array(["uno dos"] * N))
    same = same.set_column(3, "sentence2", pa.array([f"tres {place}" for place in range(N)]))
    [part] = diagnose(scored(table=same), {}).by_length
    assert (part.name, part.n) == ("4 to 4 words", N)


def test_bands_of_overlap_hold_each_pair_once(one: Scored, found: Diagnosis) -> None:
    assert [part.name for part in found.by_overlap] == ["0 to 0.1", "0.1 to 0.25", "0.25 to 0.5", "0.5 to 1"]
    assert sum(part.n for part in found.by_overlap) == N
    for part, (low, high) in zip(found.by_overlap, [(0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 1.1)], strict=True):
        agrees(part, one, lambda row, low=low, high=high: low <= shared(row) < high)  # type: ignore[misc]


def test_bands_of_gold_tell_where_the_model_puts_them(one: Scored, found: Diagnosis) -> None:
    assert [band.name for band in found.by_gold] == ["0 to 1", "1 to 2", "2 to 3", "3 to 4", "4 to 5"]
    for low, band in enumerate(found.by_gold):
        rows = [place for place, gold in enumerate(one.gold) if low <= gold < low + 1 or (low == 4 and gold == 5)]
        agrees(band, one, lambda row, rows=rows: row["line"] in rows)  # type: ignore[misc]
        below = [(one.predicted < one.predicted[place]).sum() / (N - 1) for place in rows]
        assert band.gold == pytest.approx(np.mean(one.gold[rows]))
        assert band.predicted == pytest.approx(np.mean(one.predicted[rows]))
        assert band.predicted_rank == pytest.approx(np.mean(below))
        assert band.gold_rank is not None
        assert 0 <= band.gold_rank <= 1


def test_a_band_without_pairs_and_one_with_few_have_no_figures() -> None:
    few = diagnose(scored(overlap=np.r_[np.zeros(N - 4), np.ones(4)]), {}).by_overlap
    assert [part.n for part in few] == [N - 4, 0, 0, 4]
    assert [part.pearson is None for part in few] == [False, True, True, True]
    assert few[1].ci95 == (None, None)


def test_the_worst_pairs_are_those_with_the_largest_difference_of_rank(one: Scored, found: Diagnosis) -> None:
    def rank(values: np.ndarray, place: int) -> float:
        below, equal = (values < values[place]).sum(), (values == values[place]).sum()
        return float(below + (equal - 1) / 2) / (N - 1)

    gaps = {place: abs(rank(one.gold, place) - rank(one.predicted, place)) for place in range(N)}
    expected = sorted(gaps, key=lambda place: -gaps[place])[:10]
    assert [pair.line for pair in found.worst] == expected
    for pair in found.worst:
        row = one.table.slice(pair.line, 1).to_pylist()[0]
        assert (pair.sentence1, pair.sentence2, pair.gold) == (row["sentence1"], row["sentence2"], row["gold"])
        assert pair.predicted == one.predicted[pair.line]
        assert pair.gold_rank == pytest.approx(rank(one.gold, pair.line))


def test_space_is_measured_over_all_pairs_of_distinct_sentences() -> None:
    rng = np.random.default_rng(5)
    first, second = ["uno", "dos", "tres", " UNO "], ["cuatro", "dos", "cinco", "seis"]
    vectors = rng.normal(1, 1, (8, 6))
    vectors[3], vectors[5] = vectors[0], vectors[1]
    gold = np.array([4.0, 5.0, 3.9, 0.0])
    space = spread(first, second, vectors, gold, [0, 5])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alone = [units[place] for place in (0, 1, 2, 4, 6, 7)]
    pairs = list(itertools.combinations(alone, 2))
    assert (space.sentences, space.close) == (6, 2)
    assert space.anisotropy == pytest.approx(np.mean([a @ b for a, b in pairs]))
    assert space.alignment == pytest.approx(np.mean([((units[i] - units[i + 4]) ** 2).sum() for i in (0, 1)]))
    potential = np.mean([math.exp(-2 * ((a - b) ** 2).sum()) for a, b in pairs])
    assert space.uniformity == pytest.approx(math.log(potential))


def test_many_sentences_give_the_figures_of_slow_code() -> None:
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(1400, 3))
    space = spread([f"a{n}" for n in range(700)], [f"b{n}" for n in range(700)], vectors, np.zeros(700), [0, 5])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    products = (units @ units.T)[np.triu_indices(1400, 1)]
    assert space.anisotropy == pytest.approx(products.mean(), abs=1e-12)
    assert space.uniformity == pytest.approx(np.log(np.exp(-2 * (2 - 2 * products)).mean()))
    assert space.alignment is None


def test_one_sentence_alone_and_vectors_of_zero_have_no_figures_or_sound_ones() -> None:
    alone = spread(["uno"], ["uno"], np.zeros((2, 3)), np.array([5.0]), [0, 5])
    assert (alone.sentences, alone.anisotropy, alone.uniformity, alone.alignment) == (1, None, None, 0)


def test_it_is_read_as_it_was_written_and_the_same_twice(one: Scored, found: Diagnosis, tmp_path: Path) -> None:
    path, again = tmp_path / "diagnosis.json", tmp_path / "again.json"
    near = [Neighbours("uno", [Neighbour("dos", 0.5)], [])]
    found = replace(found, neighbours=near)
    write({"one": found}, path)
    write({"one": diagnose(one, {}, near)}, again)
    assert read(path) == {"one": found}
    assert path.read_bytes() == again.read_bytes()


def test_another_file_is_refused_with_the_place(found: Diagnosis, tmp_path: Path) -> None:
    path = tmp_path / "diagnosis.json"
    write({"one": found}, path)
    content = json.loads(path.read_text())
    del content["one"]["by_file"][0]["n"]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"diagnosis\.json: one\.by_file\.0\.n: .*run the evaluate stage"):
        read(path)
    with pytest.raises(DataError, match="not there"):
        read(tmp_path / "nowhere.json")


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(DataError, match="120 pairs, but columns of"):
        diagnose(scored(predicted=np.zeros(3)), {})
