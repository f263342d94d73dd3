"""Compose conf/ into params.yaml with DVC's own code, so that its bytes are those of `dvc exp run`.

reads   conf/
writes  params.yaml

Overrides in Hydra's grammar may follow: python pipelines/compose.py experiment=minilm_esxnli
"""

import argparse
import sys
from pathlib import Path

from dvc.utils.hydra import compose_and_dump

from terna.errors import SettingsError, TernaError
from terna.settings import compose, load


def main(root: Path, overrides: list[str]) -> None:
    """Write root/params.yaml, if what conf/ and the overrides say is sound."""
    load(compose(root / "conf", overrides))
    try:
        compose_and_dump(root / "params.yaml", str(root / "conf"), None, "config", "hydra_plugins", overrides)
    except OSError as error:
        raise SettingsError([f"{root / 'params.yaml'}: cannot be written ({error.strerror})"]) from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compose conf/ into params.yaml, as `dvc exp run` does.")
    parser.add_argument("overrides", nargs="*", help="key=value or group=option, in Hydra's grammar")
    try:
        main(Path(__file__).resolve().parent.parent, parser.parse_args().overrides)
    except TernaError as error:
        sys.exit(f"{type(error).__name__}: {error}")
