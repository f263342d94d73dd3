"""Score the exported encoder on every benchmark, and compare it with the lexical baselines.

reads   models/encoder/, data/raw/sts/
does    for scored pairs: Pearson and Spearman of four similarities, by file and over all, with intervals, and a
        diagnosis; for binary labels: average precision, and accuracy and F1 at the threshold chosen on development
        data; for rankings: nDCG, MRR and recall of an exact search
writes  metrics/sts.json (all scores), metrics/scores.json (the main scores), metrics/diagnosis.json (scores by file,
        length, overlap and gold, and the worst pairs), predictions/<benchmark>.parquet, predictions/scatter.csv
        (predicted against gold), predictions/made.json, reports/results.md (the table); with `evaluate.systems`
        predictions/systems.json, the digests of the systems
"""

from terna.running.stage import stage

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from terna.data.evaluators import read_evaluators
from terna.evaluation.table import markdown, size
from terna.markdown import figure
from terna.provenance import record
from terna.records import replacing, write_json, write_rows, write_text
from terna.settings import Settings, named, published
from terna.settings.devices import device_of

ENCODER = Path("models/encoder")
OUT = Path("predictions")
RAW = Path("data/raw/sts")
FIGURES = Path("metrics/sts.json")
FEW = Path("metrics/scores.json")
PARTS = Path("metrics/diagnosis.json")
TABLE = Path("reports/results.md")
SYSTEMS = OUT / "systems.json"


@stage
def main(settings: Settings) -> str:
    # torch and scikit-learn take seconds to import: what can fail before them has failed.
    import torch

    from terna import evaluation
    from terna.encoder import Encoder
    from terna.evaluation import diagnosis
    from terna.systems import locate, placed

    for where in settings.evaluate.systems.values():
        locate(where)  # what is not there is refused before anything is measured
    evaluators = read_evaluators(settings.evaluate, RAW)
    encoder = placed(Encoder.load(ENCODER), device_of(settings.machine.accelerator))
    measured = evaluation.measure_systems(encoder, settings, evaluators)
    results = evaluation.results(measured, settings)
    for name, one in measured.items():
        write_predictions(evaluation.predictions(one), OUT / f"{name}.parquet")
    points = [point for name, one in measured.items() for point in evaluation.points(name, one)]
    write_rows(OUT / "scatter.csv", ["benchmark", "file", "gold", "cosine"], points)
    write_json(results, FIGURES)
    write_json({name: evaluation.few(name, results[name], settings) for name in measured}, FEW)
    parts = {name: evaluation.taken_apart(name, one, settings) for name, one in measured.items()}
    diagnosis.write({name: part for name, part in parts.items() if part}, PARTS)
    write_text(markdown(published(settings).evaluate, results), TABLE)
    raw = [path for name, one in settings.evaluate.benchmarks.items() for path in one.paths(RAW / name)]
    outs = [*(OUT / f"{name}.parquet" for name in measured), OUT / "scatter.csv", FIGURES, FEW, PARTS, TABLE]
    wrote = [*outs, *record_systems(settings)]
    record("evaluate", settings, [ENCODER, *raw], wrote, OUT / "made.json", threads=torch.get_num_threads())
    return ", ".join(told(name, results, settings) for name in measured)


def told(name: str, results: Mapping[str, Any], settings: Settings) -> str:
    """The main score of a benchmark and, where it shares a file with another, its part of it."""
    evaluate = settings.evaluate
    part = f" ({size(name, evaluate, results)})" if evaluate.partner_of(name) else ""
    return f"{evaluate.score_of(name)} {figure(results[name][evaluate.score_of(name)], 3)} on {name}{part}"


def record_systems(settings: Settings) -> list[Path]:
    """Write what each other system was, by the sha256 of its files; the path, or none where there is no system."""
    from terna.systems import digests_of, locate

    described = {
        name: {"where": named(where), "sha256": digests_of(locate(where))}
        for name, where in settings.evaluate.systems.items()
    }
    if described:
        write_json(described, SYSTEMS)
    return [SYSTEMS] if described else []


def write_predictions(table: pa.Table, path: Path) -> None:
    with replacing(path) as beside:
        pq.write_table(table, beside, compression="zstd")


if __name__ == "__main__":
    main()
