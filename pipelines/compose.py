"""Compose conf/ into params.yaml with DVC's own code, so that its bytes are those of `dvc exp run`.

reads   conf/
writes  params.yaml

Overrides in Hydra's grammar may follow: python pipelines/compose.py experiment=minilm_esxnli
"""

import sys
from pathlib import Path

from dvc.utils.hydra import compose_and_dump

from terna.errors import TernaError
from terna.settings import compose, load


def main(root: Path, overrides: list[str]) -> None:
    """Write root/params.yaml, if what conf/ and the overrides say is sound."""
    load(compose(root / "conf", overrides))
    compose_and_dump(root / "params.yaml", str(root / "conf"), None, "config", "hydra_plugins", overrides)


if __name__ == "__main__":
    try:
        main(Path(__file__).resolve().parent.parent, sys.argv[1:])
    except TernaError as error:
        sys.exit(f"{type(error).__name__}: {error}")
