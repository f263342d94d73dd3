"""Compose conf/ into params.yaml with DVC's own code, so that its bytes are those of `dvc exp run`.

reads   conf/
writes  params.yaml; logs/composed.json, by which the stage `local` notices that conf/ was edited since

Overrides in Hydra's grammar may follow: python pipelines/compose.py experiment=minilm_esxnli
"""

from terna.running import drift
from terna.running.command import worded

import argparse
from pathlib import Path

from dvc.utils.hydra import compose_and_dump

from terna.errors import SettingsError
from terna.settings import compose, load

PARAMS = drift.PARAMS


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="key=value or group=option, in Hydra's grammar")


@worded(arguments)
def main(given: argparse.Namespace) -> str:
    write(Path.cwd(), given.overrides)
    changed = f" with {' '.join(given.overrides)}" if given.overrides else ""
    return f"{PARAMS} from conf/{changed}"


def write(root: Path, overrides: list[str]) -> None:
    """Write root/params.yaml, if what conf/ and the overrides say is sound."""
    load(compose(root / "conf", overrides))
    try:
        compose_and_dump(root / PARAMS, str(root / "conf"), None, "config", "hydra_plugins", overrides)
    except OSError as error:
        raise SettingsError([f"{root / PARAMS}: cannot be written ({error.strerror})"]) from error
    drift.remember(root, overrides)


if __name__ == "__main__":
    main()
