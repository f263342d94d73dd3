"""The page's figures on a dashboard, Weights & Biases: results, scatter, data, and the encoder with its lineage."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from terna.evaluation.table import systems
from terna.release.card import tables
from terna.release.report.contents import Contents

STEP = "trainer/global_step"
# how many figures of a benchmark, its first, a table of runs shows
FEW = 2


def publish(run: Any, contents: Contents, release: Path | None) -> None:
    """Log what was measured to `run`, a run of W&B, and the folder of the release as an artifact unless it is None."""
    import wandb

    points = wandb.Table(["benchmark", "file", "gold", "predicted"], list(map(list, _points(contents))))
    scatter = wandb.plot.scatter(points, "gold", "predicted", title="Predicted against gold")
    run.log(
        {
            "results": wandb.Table(
                ["benchmark", "use", "system", "source", *_figures(contents), "low", "high"], _results(contents)
            ),
            "comparisons": wandb.Table(*_compared(contents)),
            # of scored pairs alone
            **({"predicted against gold": scatter} if contents.predictions else {}),
            "data": wandb.Table(*_corpora(contents)),
            "contamination": wandb.Table(["benchmark", "equal", "nearly equal"], _contaminated(contents)),
        }
    )
    run.summary.update(_summary(contents))
    if release is not None:
        run.log_artifact(_artifact(contents, release))


def curves(run: Any, contents: Contents) -> None:
    """Log the curves of a training that was not logged while it ran."""
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for step, row in _rows(contents).items():
        run.log({**row, STEP: step})


def _rows(contents: Contents) -> dict[int, dict[str, float]]:
    """Step → what was measured then, the steps in order."""
    rows: dict[int, dict[str, float]] = {}
    for curve, prefix in (("loss", ""), ("lr", ""), ("development", "dev/")):
        columns = contents.curves[curve]
        for name in columns:
            for step, value in zip(columns["step"], columns[name], strict=True):
                if name != "step" and not math.isnan(value):
                    rows.setdefault(int(step), {})[f"{prefix}{name}"] = value
    return {step: rows[step] for step in sorted(rows)}


def _summary(contents: Contents) -> dict[str, Any]:
    """All that a table of runs shows: how training ended, which a second part of a run would take out, and scores."""
    found: dict[str, Any] = {}
    for row in _rows(contents).values():
        found |= row
    benchmarks = contents.settings.evaluate.benchmarks.items()
    scores = {
        f"{name}/{figure}": contents.scores[name][figure] for name, one in benchmarks for figure in one.figures[:FEW]
    }
    return found | dict(contents.training) | scores


def _results(contents: Contents) -> list[list[Any]]:
    evaluate = contents.settings.evaluate
    return [
        [
            name,
            evaluate.use_of(name),
            system.name,
            system.source,
            *(system.figures.get(figure) for figure in _figures(contents)),
            *(system.ci95.get(evaluate.score_of(name)) or (None, None)),
        ]
        for name in evaluate.benchmarks
        for system in systems(name, evaluate, contents.scores)
    ]


def _figures(contents: Contents) -> list[str]:
    """The figures of all benchmarks, each once."""
    benchmarks = contents.settings.evaluate.benchmarks.values()
    return list(dict.fromkeys(figure for one in benchmarks for figure in one.figures))


def _compared(contents: Contents) -> tuple[list[str], list[list[Any]]]:
    names = ("system", "difference", "p", "p_holm", "p_williams")
    found = contents.scores["comparisons"]
    rows = [
        [benchmark, *(one[name] for name in names), *one["ci95"]] for benchmark in found for one in found[benchmark]
    ]
    return ["benchmark", "this model against", *names[1:], "low", "high"], rows


def _points(contents: Contents) -> Iterator[tuple[str, str, float, float]]:
    for name, table in contents.predictions.items():
        measure = contents.settings.evaluate.score_of(name).split("_")[0]
        columns = (table[column].to_pylist() for column in ("file", "gold", measure))
        yield from ((name, *values) for values in zip(*columns, strict=True))


def _corpora(contents: Contents) -> tuple[list[str], list[list[Any]]]:
    header, _ = tables.corpora(contents.settings, contents.stats)
    return header, [
        [name, *(contents.stats["corpora"][name][key] for key in tables.COLUMNS), corpus.licence]
        for name, corpus in contents.settings.corpora.items()
    ]


def _contaminated(contents: Contents) -> list[list[Any]]:
    found: Mapping[str, Mapping[str, int]] = contents.stats["contamination"]["sentences"]
    return [[name, counts["exact"], counts["near"]] for name, counts in found.items()]


def _artifact(contents: Contents, release: Path) -> Any:
    """The released folder, encoder, card and lineage; its metadata tell where it comes from."""
    import wandb

    lineage = contents.lineage
    artifact = wandb.Artifact(
        re.sub(r"[^\w.-]+", "-", contents.settings.release.name),
        type="model",
        metadata={
            "commit": lineage.commit,
            "modified": lineage.modified,
            "machine": lineage.machine,
            "packages": lineage.packages,
            "chain": [{key: asdict(link)[key] for key in ("stage", "read", "wrote")} for link in lineage.chain],
        },
    )
    artifact.add_dir(str(release))
    return artifact
