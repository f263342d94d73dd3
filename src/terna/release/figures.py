"""The figures of metrics/sts.json for what prints them: those that the chain has, or none."""

from pathlib import Path
from typing import Any

from terna.evaluation import table
from terna.records import read_json
from terna.release import verify
from terna.release.lineage import collect
from terna.settings import Settings

FIGURES = Path("metrics/sts.json")


def figures(settings: Settings) -> dict[str, Any]:
    """The content of metrics/sts.json in the working folder.

    Raises DataError where it is not what evaluate wrote, where a stage before it ran with other settings or on other
    files, and where it lacks a benchmark or system of the settings.
    """
    verify.sources(collect(settings).chain, settings, [FIGURES])
    scores: dict[str, Any] = read_json(FIGURES)
    table.check(settings.evaluate, scores)
    return scores
