"""What a plan says of a benchmark, from tables as the evaluate stage writes them, against scipy's bootstrap."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import bootstrap

from terna.errors import DataError
from terna.evaluation.planning import Seeds, explained, markdown, plan, recorded
from terna.metrics.power import STEPS
from terna.records import write_json

NAMES = ["word overlap (Jaccard)", "TF-IDF, words", "TF-IDF, characters", "the backbone, untouched", "e5"]


def table(pairs: int = 200, repeats: int = 0, number: int = 1) -> dict[str, Any]:
    """predictions/<benchmark>.parquet: seven systems with the same gold, the first pairs repeated."""
    rng = np.random.default_rng(1)
    gold, shared = rng.normal(size=(2, pairs))
    rng = np.random.default_rng([2, number])
    names = ("cosine", "dot", "jaccard", "tfidf_words", "tfidf_chars", "untouched_cosine", "e5_cosine", "e5_dot")
    columns = {name: gold + shared + rng.normal(size=pairs) for name in names}
    texts = {side: [f"{side} {row}" for row in range(pairs)] for side in ("sentence1", "sentence2")}
    again = [*range(pairs), *range(repeats)]
    every = {"file": ["one"] * pairs, "line": range(1, pairs + 1), **texts, "gold": gold, **columns}
    return {name: [values[row] for row in again] for name, values in every.items()}


def written(path: Path, content: dict[str, Any]) -> Path:
    pq.write_table(pa.table(content), path)
    return path


def test_the_standard_error_is_that_of_scipys_paired_bootstrap(tmp_path: Path) -> None:
    content = table()
    found = plan(written(tmp_path / "dev.parquet", content), "cosine", Seeds())
    assert (found.benchmark, found.unit, found.units, found.clusters) == ("dev", "pairs", 200, 200)
    assert [(one.system, one.score) for one in found.plans] == [
        (name, score) for score in ("cosine_pearson", "cosine_spearman") for name in NAMES
    ]

    def difference(gold: np.ndarray, one: np.ndarray, two: np.ndarray, axis: int) -> np.ndarray:
        gold, one, two = (values - values.mean(axis=axis, keepdims=True) for values in (gold, one, two))
        products = ((values * gold).sum(axis=axis) / np.sqrt((values**2).sum(axis=axis)) for values in (one, two))
        found: np.ndarray = next(products) - next(products)
        return found / np.sqrt((gold**2).sum(axis=axis))

    for one in found.plans[:5]:
        column = {"TF-IDF, words": "tfidf_words", "e5": "e5_cosine"}.get(one.system)
        if column:
            columns = tuple(np.array(content[name]) for name in ("gold", "cosine", column))
            expected = bootstrap(
                columns, difference, paired=True, n_resamples=5000, method="basic", rng=np.random.default_rng(3)
            ).standard_error
            assert one.difference == pytest.approx(float(difference(*columns, axis=-1)))
            assert one.design is not None and one.design.seeds == 0
            assert one.error == pytest.approx(expected, rel=0.05)
            smallest = one.design.smallest()
            assert smallest == pytest.approx(STEPS * one.design.spread(smallest))


def test_repeated_pairs_are_counted_once(tmp_path: Path) -> None:
    once = plan(written(tmp_path / "once.parquet", table()), "cosine", Seeds())
    twice = plan(written(tmp_path / "twice.parquet", table(repeats=200)), "cosine", Seeds())
    assert (twice.units, twice.clusters) == (400, 200)
    for one, other in zip(once.plans, twice.plans, strict=True):
        assert one.design is not None and other.design is not None
        assert other.design.error == pytest.approx(one.design.error, rel=1e-9)


def test_the_seeds_of_one_model_count_once_and_of_two_models_twice(tmp_path: Path) -> None:
    path, other = written(tmp_path / "dev.parquet", table()), written(tmp_path / "other.parquet", table(number=2))
    file, scores = tmp_path / "seeds.json", {"cosine_pearson": {"sd": 0.01}, "cosine_spearman": {"sd": 0.02}}
    write_json({"spread": {"dev": scores}}, file)
    seeds = Seeds.read(file, 3)
    one = plan(path, "cosine", seeds).plans
    assert [each.design and (each.design.seeds, each.design.runs) for each in one] == [(0.01, 3)] * 5 + [(0.02, 3)] * 5
    both = plan(path, "cosine", seeds, other).plans
    assert [each.system for each in both] == ["the other model"] * 2
    assert [each.design and each.design.seeds for each in both] == pytest.approx([0.01 * 2**0.5, 0.02 * 2**0.5])
    assert {each.design and each.design.seeds for each in plan(path, "cosine", Seeds(2, 0.03)).plans} == {0.03}


def test_a_model_like_this_one_and_an_undefined_one_have_no_plan(tmp_path: Path) -> None:
    content = table()
    content |= {"jaccard": content["cosine"], "tfidf_words": [0.0] * 200}
    found = plan(written(tmp_path / "dev.parquet", content), "cosine", Seeds())
    assert [(one.difference, one.design) for one in found.plans[:2]] == [(0.0, None), (None, None)]
    rows = markdown(found, 0.05).splitlines()[4:6]
    assert rows[0].endswith("| cosine_pearson | 0.0000 | – | – | – | – | – |")
    assert rows[1].endswith("| cosine_pearson | – | – | – | – | – | – |")


def test_labels_and_queries_are_planned_by_their_own_scores(tmp_path: Path) -> None:
    content = table()
    content["gold"] = [float(value > 0) for value in content["gold"]]
    found = plan(written(tmp_path / "labels.parquet", content), "dot", Seeds())
    assert [one.score for one in found.plans] == ["dot_ap"] * 4
    rng = np.random.default_rng(3)
    kinds = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
    columns = {f"{name}_{kind}": rng.uniform(size=40) for name in ("cosine", "jaccard") for kind in kinds}
    queries = {"query": [f"query {row}" for row in range(40)], **columns}
    found = plan(written(tmp_path / "search.parquet", queries), "cosine", Seeds())
    assert [(one.score, one.system) for one in found.plans] == [(f"cosine_{kind}", NAMES[0]) for kind in kinds]
    assert found.unit == "queries"
    gaps = columns["cosine_mrr@10"] - columns["jaccard_mrr@10"]
    assert found.plans[1].design is not None
    assert found.plans[1].design.error == pytest.approx(gaps.std() / math.sqrt(40), rel=0.05)


def test_the_table_says_whether_a_difference_can_be_shown_and_what_it_takes(tmp_path: Path) -> None:
    found = plan(written(tmp_path / "dev.parquet", table()), "cosine", Seeds(2, 0.1))
    header, _, first = markdown(found, 0.3).splitlines()[2:5]
    titles, cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in (header, first))
    shown, design = dict(zip(titles, cells, strict=True)), found.plans[0].design
    assert design is not None
    assert shown["smallest difference shown"] == f"{design.smallest():.4f}"
    assert shown["power at 0.3"] == f"{design.power(0.3):.2f}"
    assert shown["can show 0.3"] == ("yes" if design.smallest() <= 0.3 else "no")
    assert shown["distinct pairs needed"] == f"{design.clusters_needed(0.3):,}"
    assert shown["runs needed"] == str(design.runs_needed(0.3))
    assert shown["false alarms"] == f"{design.detected(0):.2f}" > "0.05"
    assert markdown(found, 0.01).splitlines()[4].endswith("| none is enough |")
    assert "the mean of 2 runs each" in explained(found.seeds, both=False)
    assert "Seeds are not counted" in explained(Seeds(), both=False)


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "few": (lambda one: one.update({name: one[name][:29] for name in one}), "29 distinct pairs, and a plan needs 30"),
    "no column": (lambda one: one.pop("cosine"), "no column cosine; give a --measure"),
    "no pairs": (lambda one: one.pop("gold"), "columns file, line, .*has sentence1, sentence2 and gold, or query"),
    "equal": (lambda one: one.update(cosine=[0.5] * 200), "cosine_pearson of this model is undefined: all its scores"),
    "infinite": (lambda one: one.update(jaccard=[math.inf] * 200), "word overlap .*200 of 200 values are not finite"),
    "texts": (lambda one: one.update(e5_cosine=["high"] * 200), "could not convert string to float: 'high'"),
    "a missing text": (
        lambda one: one["sentence2"].__setitem__(7, None),
        "sentence2: string with 1 nulls; predictions/",
    ),
    "scores as texts": (
        lambda one: one.update(gold=["5"] * 200),
        "gold: string with 0 nulls; predictions/ has double and no nulls",
    ),
    "gold that is no number": (
        lambda one: one["gold"].__setitem__(7, math.nan),
        "gold: 1 of 200 scores are not finite; give these pairs a score in the benchmark's files",
    ),
    "alone": (
        lambda one: [one.pop(name) for name in list(one) if name.startswith(("jac", "tf", "unt", "e5"))],
        "no other system's scores; give another model's table of these pairs with --against",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_gives_no_plan_is_an_error_with_the_file_and_the_remedy(tmp_path: Path, fault: str) -> None:
    content, (change, told) = table(), FAULTS[fault]
    change(content)
    with pytest.raises(DataError, match=rf"dev\.parquet: {told}"):
        plan(written(tmp_path / "dev.parquet", content), "cosine", Seeds())


def test_tables_of_other_pairs_missing_ones_and_seeds_without_spread_are_errors(tmp_path: Path) -> None:
    path, content = written(tmp_path / "dev.parquet", table()), table()
    content["sentence2"] = content["sentence2"][::-1]
    with pytest.raises(DataError, match=r"other\.parquet: sentence2 is not that of the first table"):
        plan(path, "cosine", Seeds(), written(tmp_path / "other.parquet", content))
    with pytest.raises(DataError, match=r"none\.parquet: not there; give predictions/<benchmark>\.parquet"):
        plan(tmp_path / "none.parquet", "cosine", Seeds())
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DataError, match=r"text\.parquet: not a Parquet table"):
        plan(tmp_path / "text.parquet", "cosine", Seeds())
    with pytest.raises(DataError, match=r"no \*\.parquet; run the evaluate stage"):
        recorded(tmp_path / "predictions")
    write_json({"spread": {"dev": {"cosine_pearson": {"sd": None}}}}, tmp_path / "seeds.json")
    with pytest.raises(DataError, match=r"seeds\.json: spread\.dev\.cosine_pearson\.sd: not a number; give a file of"):
        plan(path, "cosine", Seeds.read(tmp_path / "seeds.json", 1))
