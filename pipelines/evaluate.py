"""Score the exported encoder on every benchmark, beside the lexical floors.

reads   models/encoder/, data/raw/sts/
does    the four similarities of each pair, Pearson and Spearman each, by file and over all, with intervals
writes  metrics/sts.json (all of it), metrics/scores.json (the few to look at), predictions/<benchmark>.parquet,
        plots of predicted against gold in predictions/scatter.csv
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from terna.correlations import clusters, intervals, summary
from terna.floors import lexical
from terna.similarity import pairwise

from terna.corpora import read_sts
from terna.curves import write_rows
from terna.launch import stage
from terna.records import replacing, write_json
from terna.settings import Settings

if TYPE_CHECKING:
    from terna.encoder import Encoder

OUT = Path("predictions")


@stage
def main(settings: Settings) -> None:
    from terna import export

    encoder = export.load(Path("models/encoder"))
    results: dict[str, Any] = {}
    floors: dict[str, Any] = {}
    points: list[dict[str, str]] = []
    for name, benchmark in settings.evaluate.benchmarks.items():
        table = read_sts(name, benchmark, Path("data/raw/sts") / name)
        scores, lexis = score(encoder, table), lexical(*sentences(table))
        results[name] = report(scores, table, settings.seed)
        floors[name] = report(lexis, table, settings.seed)
        write_predictions(table, {**scores, **lexis}, OUT / f"{name}.parquet")
        points += scatter(name, table, scores["cosine"])
    write_json({**results, "floors": floors}, Path("metrics/sts.json"))
    write_json({name: few(result) for name, result in results.items()}, Path("metrics/scores.json"))
    write_rows(OUT / "scatter.csv", ["benchmark", "file", "gold", "cosine"], points)


def sentences(table: pa.Table) -> tuple[list[str], list[str]]:
    """Both columns of a SCORED table."""
    return table["sentence1"].to_pylist(), table["sentence2"].to_pylist()


def score(encoder: "Encoder", table: pa.Table) -> dict[str, Any]:
    """The four similarities of each pair."""
    first, second = sentences(table)
    vectors = encoder.encode([*first, *second])
    return pairwise(vectors[: len(first)], vectors[len(first) :])


def report(scores: Mapping[str, Any], table: pa.Table, seed: int) -> dict[str, Any]:
    """The figures over all, by file and weighted, and the 95 % interval of each over all."""
    gold = table["gold"].to_numpy()
    found = summary(scores, gold, table["file"].to_pylist())
    return found | {"ci95": intervals(scores, gold, clusters(*sentences(table)), seed=seed)}


def few(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that a table of experiments shows."""
    chosen = ("cosine_pearson", "cosine_spearman", "dot_pearson", "dot_spearman")
    return {name: result[name] for name in chosen}


def write_predictions(table: pa.Table, scores: Mapping[str, Any], path: Path) -> None:
    """Every pair with its gold and its score under each measure."""
    for name, values in scores.items():
        table = table.append_column(name, pa.array(np.asarray(values, np.float64)))
    with replacing(path) as beside:
        pq.write_table(table, beside, compression="zstd")


def scatter(name: str, table: pa.Table, cosine: Any) -> list[dict[str, str]]:
    """A point a pair: gold across, cosine up."""
    rows = zip(table["file"].to_pylist(), table["gold"].to_pylist(), cosine, strict=True)
    return [
        {"benchmark": name, "file": file, "gold": f"{gold:g}", "cosine": f"{value:.6f}"} for file, gold, value in rows
    ]


if __name__ == "__main__":
    main()
