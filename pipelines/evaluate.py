"""Score the exported encoder on every benchmark, beside the lexical floors.

reads   models/encoder/, data/raw/sts/
does    the four similarities of each pair, Pearson and Spearman each, by file and over all, with intervals;
        takes each benchmark apart
writes  metrics/sts.json (all of it), metrics/scores.json (the few to look at), metrics/diagnosis.json (by file,
        length, overlap and gold, the worst pairs), predictions/<benchmark>.parquet, predictions/scatter.csv (predicted
        against gold), predictions/made.json, reports/results.md (the table); with `evaluate.systems`
        predictions/systems.json, the digests of what they are
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from terna.comparison import against
from terna.corpora import read_sts
from terna.correlations import clusters, intervals, summary
from terna.curves import write_rows
from terna.diagnosis import Diagnosis, Scored, diagnose, spread
from terna.diagnosis import write as write_diagnosis
from terna.floors import lexical
from terna.launch import stage
from terna.lineage import record
from terna.records import replacing, write_json, write_text
from terna.settings import Settings
from terna.similarity import pairwise
from terna.table import FLOORS, OURS, UNTOUCHED, markdown

if TYPE_CHECKING:
    from terna.encoder import Encoder
    from terna.systems import System

ENCODER = Path("models/encoder")
OUT = Path("predictions")
RAW = Path("data/raw/sts")
FIGURES = Path("metrics/sts.json")
FEW = Path("metrics/scores.json")
PARTS = Path("metrics/diagnosis.json")
TABLE = Path("reports/results.md")
SYSTEMS = OUT / "systems.json"


@stage
def main(settings: Settings) -> None:
    from terna.encoder import Encoder

    tables = {name: read_sts(name, one, RAW / name) for name, one in settings.evaluate.benchmarks.items()}
    encoder, before = Encoder.load(ENCODER), untouched(settings)
    vectors = {name: encode(encoder, table) for name, table in tables.items()}
    as_it_came = {name: encode(before, table) for name, table in tables.items() if before}
    ours = {name: score(found) for name, found in vectors.items()}
    lexis = {name: lexical(*sentences(table)) for name, table in tables.items()}
    results: dict[str, Any] = {name: report(ours[name], table, settings.seed) for name, table in tables.items()}
    results["floors"] = {name: report(lexis[name], table, settings.seed) for name, table in tables.items()}
    came = {name: score(found) for name, found in as_it_came.items()}
    results["untouched"] = {name: report(came[name], tables[name], settings.seed) for name in came}
    theirs = {system: others(where, tables) for system, where in settings.evaluate.systems.items()}
    results["systems"] = {
        system: {name: report(scores[name], tables[name], settings.seed) for name in tables}
        for system, scores in theirs.items()
    }
    results["comparisons"] = {
        name: compared(ours[name], came.get(name), lexis[name], table, settings, of(name, theirs))
        for name, table in tables.items()
    }
    for name, table in tables.items():
        unchanged = {f"untouched_{measure}": values for measure, values in came.get(name, {}).items()}
        beside = {f"{system}_{key}": one for system, kinds in of(name, theirs).items() for key, one in kinds.items()}
        write_predictions(table, {**ours[name], **lexis[name], **unchanged, **beside}, OUT / f"{name}.parquet")
    points = [point for name, table in tables.items() for point in scatter(name, table, ours[name]["cosine"])]
    write_rows(OUT / "scatter.csv", ["benchmark", "file", "gold", "cosine"], points)
    write_json(results, FIGURES)
    write_json({name: few(results[name]) for name in tables}, FEW)
    parts = {
        name: taken_apart(name, table, {**ours[name], **lexis[name]}, vectors[name], as_it_came.get(name), settings)
        for name, table in tables.items()
    }
    write_diagnosis(parts, PARTS)
    write_text(markdown(settings.evaluate, results), TABLE)
    raw = [RAW / name / file.name for name, one in settings.evaluate.benchmarks.items() for file in one.files]
    outs = [*(OUT / f"{name}.parquet" for name in tables), OUT / "scatter.csv", FIGURES, FEW, PARTS, TABLE]
    outs += record_systems(settings)
    record("evaluate", [ENCODER, *raw], outs, OUT / "made.json")


def untouched(settings: Settings) -> "Encoder | None":
    """The backbone as it came, without the head that training adds; None when it started from random weights."""
    from terna.encoder import build_encoder, load_tokenizer

    model = replace(settings.model, dense=None)
    return None if model.scratch else build_encoder(model, load_tokenizer(model, [])).eval()


def others(where: str, tables: Mapping[str, pa.Table]) -> dict[str, dict[str, Any]]:
    """The similarities of each benchmark's pairs by another system, which is loaded for it alone."""
    from terna.systems import load_system

    system = load_system(where)
    return {name: score(encode(system, table)) for name, table in tables.items()}


def of(benchmark: str, theirs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What each other system gives on a benchmark."""
    return {system: scores[benchmark] for system, scores in theirs.items()}


def record_systems(settings: Settings) -> list[Path]:
    """Write what each other system was, by the sha256 of its files; the path, or none where there is no system."""
    from terna.systems import digests_of, locate

    described = {
        name: {"where": where, "sha256": digests_of(locate(where))} for name, where in settings.evaluate.systems.items()
    }
    if described:
        write_json(described, SYSTEMS)
    return [SYSTEMS] if described else []


def sentences(table: pa.Table) -> tuple[list[str], list[str]]:
    """Both columns of a SCORED table."""
    return table["sentence1"].to_pylist(), table["sentence2"].to_pylist()


def encode(encoder: "System", table: pa.Table) -> Any:
    """The vectors of all first sentences, then of all second ones."""
    first, second = sentences(table)
    return encoder.encode([*first, *second])


def score(vectors: Any) -> dict[str, Any]:
    """The four similarities of each pair."""
    return pairwise(*np.split(vectors, 2))


def report(scores: Mapping[str, Any], table: pa.Table, seed: int) -> dict[str, Any]:
    """The figures over all, by file and weighted, and the 95 % interval of each over all."""
    gold = table["gold"].to_numpy()
    found = summary(scores, gold, table["file"].to_pylist())
    return found | {"ci95": intervals(scores, gold, clusters(*sentences(table)), seed=seed)}


def compared(
    ours: Mapping[str, Any],
    came: Mapping[str, Any] | None,
    lexis: Mapping[str, Any],
    table: pa.Table,
    settings: Settings,
    theirs: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """This model against the other systems, the backbone as it came and the floors, by the main score."""
    measure, kind = settings.evaluate.main_score.split("_")
    systems = {OURS: ours[measure], **{name: scores[measure] for name, scores in theirs.items()}}
    systems |= {UNTOUCHED: came[measure]} if came else {}
    systems |= {FLOORS[name]: values for name, values in lexis.items()}
    gold, pairs = table["gold"].to_numpy(), clusters(*sentences(table))
    return [one.record() for one in against(OURS, systems, gold, pairs, kind, seed=settings.seed)]


def taken_apart(
    name: str, table: pa.Table, scores: Mapping[str, Any], vectors: Any, came: Any, settings: Settings
) -> Diagnosis:
    """The figures by part, the worst pairs, and how the vectors lie beside those of the backbone as it came."""
    measure, kind = settings.evaluate.main_score.split("_")
    scale = settings.evaluate.benchmarks[name].scale
    gold = table["gold"].to_numpy()
    spaces = {OURS: vectors} | ({} if came is None else {UNTOUCHED: came})
    space = {system: spread(*sentences(table), found, gold, scale) for system, found in spaces.items()}
    columns = scores[measure], scores["tfidf_chars"], scores["jaccard"]
    return diagnose(Scored(table, measure, kind, *columns, scale, settings.seed), space)


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
