"""Put the whole run on one page that opens from the disk: figures, curves, plots, diagnosis, data, origin.

reads   metrics/, predictions/, plots/, data/triplets/stats.json, release/lineage.json
does    fills the page; draws the plots into it; with `logger.wandb` adds what it shows, and the release, to the run
        that training logged, or to a new one
writes  reports/index.html, logs/ (by choice)
"""

import sys
from pathlib import Path

from terna import tracking
from terna.evaluation.diagnosis.record import read as read_diagnosis
from terna.records import read_json, write_text
from terna.release.lineage import read_lineage
from terna.release.report import CURVES, Contents, read_curve, read_predictions, render
from terna.running.stage import stage
from terna.settings import Settings

PAGE = Path("reports/index.html")
LOGS = Path("logs")
MADE = Path("models/made.json")
RELEASE = Path("release")
# seconds that the encoder has to arrive at W&B, unless WANDB_FINISH_TIMEOUT says otherwise
UPLOAD = 60.0


@stage
def main(settings: Settings) -> str:
    measure = settings.evaluate.main_score.split("_")[0]
    contents = Contents(
        settings,
        scores=read_json(Path("metrics/sts.json")),
        training=read_json(Path("metrics/train.json")),
        stats=read_json(Path("data/triplets/stats.json")),
        diagnosis=read_diagnosis(Path("metrics/diagnosis.json")),
        curves={name: read_curve(Path("plots") / f"{name}.csv", columns) for name, columns in CURVES.items()},
        predictions={
            name: read_predictions(Path("predictions") / f"{name}.parquet", measure)
            for name in settings.evaluate.benchmarks
        },
        lineage=read_lineage(Path("release/lineage.json")),
    )
    write_text(render(contents), PAGE)
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
    board.publish(run, contents, RELEASE if settings.logger.encoder else None)
    tracking.close(run)
    tracking.remember(run.id, LOGS, MADE)
    print(tracking.delivered(Path(run.dir).parent, run.id, UPLOAD), file=sys.stderr)


if __name__ == "__main__":
    main()
