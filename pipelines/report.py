"""Write one HTML page about the run, for any browser: scores, curves, plots, diagnosis, data, lineage.

reads   metrics/, predictions/, plots/, data/triplets/ (stats.json, train.parquet), release/lineage.json
does    stops if a file is not as its stage wrote it, or if settings differ from the release's; fills the page and draws
        its plots; with `logger.wandb` adds its contents and the release to the run that training logged, or to a new
        run
writes  reports/index.html, reports/made.json, logs/ (optional)
"""

from terna.running.stage import stage

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from terna import tracking
from terna.evaluation.diagnosis.record import read as read_diagnosis
from terna.provenance import NAME, described, digests
from terna.records import read_json, read_record, rerun, sha256_of, write_json, write_text
from terna.release import verify
from terna.release.lineage import CARD, LINEAGE, PAGE, REPORT, fingerprint, read_lineage
from terna.release.report import CURVES, Contents, read_curve, read_predictions, read_triplets, render
from terna.settings import Settings, published

LOGS = Path("logs")
COSTS = LOGS / "train.json"
MADE = Path("models/made.json")
RELEASE = Path("release")
FIGURES = [Path("metrics") / name for name in ("sts.json", "train.json", "diagnosis.json")]
STATS = Path("data/triplets/stats.json")
TRIPLETS = Path("data/triplets/train.parquet")
PLOTS = Path("plots")
# seconds that the encoder has to arrive at W&B, unless WANDB_FINISH_TIMEOUT says otherwise
UPLOAD = 60.0


@stage
def main(settings: Settings) -> str:
    evaluate = settings.evaluate
    measures = {
        name: evaluate.score_of(name).split("_")[0] for name, one in evaluate.benchmarks.items() if one.task == "sts"
    }
    pairs = {name: Path("predictions") / f"{name}.parquet" for name in measures}
    curves = {name: PLOTS / f"{name}.csv" for name in CURVES}
    lineage = read_lineage(LINEAGE)
    read = [STATS, TRIPLETS, *FIGURES, *curves.values(), *pairs.values()]
    faults = [*verify.told(lineage, settings, Path()), *verify.unreleased(lineage, settings)]
    verify.sources(lineage.chain, settings, [*read, CARD], others=faults)
    contents = Contents(
        published(settings),
        scores=read_json(FIGURES[0]),
        training=read_json(FIGURES[1]),
        stats=read_json(STATS),
        diagnosis=read_diagnosis(FIGURES[2]),
        curves={name: read_curve(path, CURVES[name]) for name, path in curves.items()},
        predictions={name: read_predictions(path, measures[name]) for name, path in pairs.items()},
        triplets=read_triplets(TRIPLETS, settings.seed),
        lineage=lineage,
    )
    made = described("report", settings, [*read, LINEAGE])
    write_text(render(contents, fingerprint(made)), PAGE)
    write_json({**made, "wrote": digests([PAGE])}, REPORT / NAME)
    if tracking.wanted(settings):
        publish(contents, settings)
    return f"{settings.release.name} on {len(settings.evaluate.benchmarks)} benchmarks in {PAGE}"


def publish(contents: Contents, settings: Settings) -> None:
    """Add the evaluation to the run on W&B that trained this encoder; where none did, to a run with its curves."""
    from terna.release.report import wandb as board

    known = tracking.remembered(LOGS, MADE)
    run = tracking.start(settings, LOGS, known)
    if known is None:
        board.curves(run, contents)
    contents = replace(contents, training={**contents.training, **taken()})
    board.publish(run, contents, RELEASE if settings.logger.encoder else None)
    tracking.close(run)
    tracking.remember(run.id, LOGS, MADE)
    print(tracking.delivered(Path(run.dir).parent, run.id, UPLOAD), file=sys.stderr)


def taken() -> dict[str, Any]:
    """What training took, where this encoder was trained here; else nothing."""
    costs = read_record(COSTS, {"made": str}, rerun("train")) if COSTS.exists() else {}
    return costs if costs.pop("made", None) == sha256_of(MADE) else {}


if __name__ == "__main__":
    main()
