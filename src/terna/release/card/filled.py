"""The card of what lies in the working folder."""

from pathlib import Path

from terna.records import read_json
from terna.release.card.document import render
from terna.release.lineage import Lineage
from terna.settings import Settings

CONFIG = Path("models/encoder/config.json")


def fill(settings: Settings, lineage: Lineage) -> str:
    """The card, filled from what was measured; DataError where a file is missing or tells nothing of the settings."""
    config = read_json(CONFIG)
    return render(
        settings,
        width=config["hidden_size"],
        architecture=config["architectures"][0],
        scores=read_json(Path("metrics/sts.json")),
        training=read_json(Path("metrics/train.json")),
        stats=read_json(Path("data/triplets/stats.json")),
        lineage=lineage,
    )
