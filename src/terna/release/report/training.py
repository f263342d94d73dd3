"""Sections on how the model came about: curves, data, settings, lineage."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc
import yaml

from terna.evaluation.table import SHOWN
from terna.markdown import code, escape
from terna.release.card import passage, tables
from terna.release.report import plots
from terna.release.report.blocks import Block, Code, Fold, Heading, Plots, Section, Table, Text
from terna.release.report.contents import Contents, Curve
from terna.settings.benchmark import KINDS


def curves(contents: Contents) -> Section:
    """Loss, learning rate and development score over the steps."""
    training, score = contents.training, contents.settings.evaluate.main_score
    measure = score.split("_")[0]
    found = contents.curves
    task = contents.settings.evaluate.benchmarks[contents.settings.evaluate.select_on].task
    shown = {f"{measure}_{kind}": SHOWN[kind] for kind in KINDS[task][:2]}
    shown = {column: called for column, called in shown.items() if column in found["development"]}
    drawn = [
        plots.curve("loss", "Training loss", found["loss"], {"loss": "loss"}, "loss"),
        plots.curve("rate", "Learning rate", found["lr"], {"lr": "learning rate"}, "learning rate"),
    ]
    if shown:
        title, mark = f"Development score ({measure})", training["selected_step"]
        drawn.append(
            plots.curve(
                "development",
                title,
                found["development"],
                shown,
                " / ".join(shown.values()) if task != "sts" else "correlation",
                mark,
            )
        )
    return Section(
        "curves",
        "Learning curves",
        [Text(passage("gain", {"training": training, "settings": contents.settings})), Plots(drawn)],
    )


def curves_alone(called: str, place: int, found: Mapping[str, Curve], score: str) -> Section:
    """The curves of a run of which nothing else is known: `score` over the steps, where it was scored.

    place: the section's number on the page.
    """
    drawn = [
        plots.curve(f"{name}-{place}", title, found[name], {column: label}, label)
        for name, title, column, label in (
            ("loss", "Training loss", "loss", "loss"),
            ("lr", "Learning rate", "lr", "learning rate"),
            ("development", "Development score", score, score),
        )
        if column in found[name]
    ]
    return Section(f"run-{place}", called, [Plots(drawn)])


def predictions(contents: Contents) -> Section:
    """What the model predicts over what people said, file by file, of each benchmark of scored pairs."""
    evaluate = contents.settings.evaluate
    blocks: list[Block] = [Text(contents.without_gold)] if contents.without_gold else []
    for number, name in enumerate(contents.with_gold):
        pairs = contents.predictions[name]
        benchmark, measure = evaluate.benchmarks[name], evaluate.score_of(name).split("_")[0]
        limits = [pc.min(pairs[measure]).as_py(), pc.max(pairs[measure]).as_py()]
        files = pc.unique(pairs["file"]).to_pylist()
        parts = [pairs.filter(pc.equal(pairs["file"], file)) for file in files]
        drawn = [
            plots.scatter(f"pairs-{number}-{place}", file, part, measure, benchmark.scale, limits)
            for place, (file, part) in enumerate(zip(files, parts, strict=True))
        ]
        blocks += [Heading(name), Plots(drawn)]
    return Section("predictions", "Predicted against gold", blocks)


def corpora(contents: Contents) -> Section:
    """What was learned from, and what of it stands in a benchmark too."""
    stats = contents.stats
    header, rows = tables.corpora(contents.settings, stats)
    shared, counts = tables.contaminated(stats)
    translation = passage("translation", {"stats": stats})
    return Section(
        "data",
        "Data",
        [
            Text(passage("rule", {"stats": stats})),
            Table("Corpora", header, rows, "t" + "n" * (len(header) - 2) + "t"),
            *(Text(f"{code(name)}: {escape(corpus.citation)}") for name, corpus in contents.settings.corpora.items()),
            *([Text(translation)] if translation else []),
            Text(passage("totals", {"stats": stats})),
            Heading("Contamination"),
            Text(passage("overlap", {"stats": stats})),
            Table("Sentences shared with a benchmark", shared, counts, "tnn"),
            Fold("Digests of what came in and what went out", [_digests(stats)]),
        ],
    )


def _digests(stats: Mapping[str, Any]) -> Table:
    came = [[corpus, *one] for corpus, found in stats["corpora"].items() for one in found["sha256_in"].items()]
    went = [["out", *one] for one in stats["sha256_out"].items()]
    return Table("Files of the data", ["corpus", "file", "sha256"], [*came, *went], "ttc")


def settings(contents: Contents) -> Section:
    """Every setting that can change a result, and what training recorded of itself."""
    text = yaml.safe_dump(contents.lineage.settings, allow_unicode=True, sort_keys=False, width=100)
    recorded = [[key, json.dumps(value, ensure_ascii=False)] for key, value in contents.training.items()]
    told = "Where it ran and where it was logged cannot change a result, and are left out."
    fit = Table("The fit", ["what", "value"], recorded, "tc")
    return Section("settings", "Settings", [Text(told), Fold("All settings", [Code(text)]), Fold("The fit", [fit])])


def lineage(contents: Contents) -> Section:
    """The chain from the raw files to the release."""
    chain = contents.lineage.chain
    rows = [[link.stage, path, digest] for link in chain for path, digest in link.wrote.items()]
    changed = contents.lineage.modified
    told = [Fold("Files that differ from the commit", [Code("\n".join(changed))])] if changed else []
    every = Table("Files by stage", ["stage", "file", "sha256"], rows, "ttc")
    fold = Fold(f"{len(rows)} files of {len(chain)} stages, each with its sha256", [every])
    circumstances, verify = passage("circumstances", {"lineage": contents.lineage}), passage("verify", {})
    return Section("lineage", "Lineage", [Text(circumstances), *told, Text(verify), fold])
