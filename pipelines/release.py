"""Put together what goes out: the encoder's folder with its card.

reads   models/encoder/, metrics/, data/triplets/stats.json
does    fills the card from what was measured
writes  release/encoder/ (the folder, with the card as its README.md), release/README.md
"""

import shutil
from pathlib import Path

from terna.card import render
from terna.launch import stage
from terna.records import read_json, write_text
from terna.settings import Settings

OUT = Path("release")


@stage
def main(settings: Settings) -> None:
    config = read_json(Path("models/encoder/config.json"))
    card = render(
        settings,
        width=config["hidden_size"],
        architecture=config["architectures"][0],
        scores=read_json(Path("metrics/sts.json")),
        training=read_json(Path("metrics/train.json")),
        stats=read_json(Path("data/triplets/stats.json")),
    )
    shutil.copytree(Path("models/encoder"), OUT / "encoder")
    write_text(card, OUT / "encoder" / "README.md")
    write_text(card, OUT / "README.md")


if __name__ == "__main__":
    main()
