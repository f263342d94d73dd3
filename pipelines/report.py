"""Put the whole run on one page that opens from the disk: figures, curves, plots, diagnosis, data, origin.

reads   metrics/, predictions/, plots/, data/triplets/stats.json, release/lineage.json
does    fills the page; draws the plots into it
writes  reports/index.html
"""

from pathlib import Path

from terna.diagnosis.record import read as read_diagnosis
from terna.launch import stage
from terna.lineage import chain
from terna.records import read_json, write_text
from terna.report import CURVES, Contents, read_curve, read_predictions, render
from terna.settings import Settings

PAGE = Path("reports/index.html")


@stage
def main(settings: Settings) -> None:
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
        lineage=chain.read(Path("release/lineage.json")),
    )
    write_text(render(contents), PAGE)


if __name__ == "__main__":
    main()
