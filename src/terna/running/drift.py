"""Whether conf/ was edited after params.yaml was composed from it: `dvc repro` reads params.yaml alone."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from terna.errors import DataError, SettingsError
from terna.records import read_record, sha256_of, write_json
from terna.settings import compose
from terna.settings.differing import at, different

PARAMS = "params.yaml"
# the digest of params.yaml as it was composed, with which overrides as far as they are known, and what of conf/
KEPT = Path("logs/composed.json")
# keys that are named
MOST = 5


def remember(root: Path, overrides: Sequence[str] = ()) -> None:
    """Write down what of conf/ the params.yaml in `root` was composed from, and with which overrides."""
    composed = compose(root / "conf", [*overrides])
    write_json({"params": sha256_of(root / PARAMS), "overrides": [*overrides], "composed": composed}, root / KEPT)


def notice(root: Path) -> str | None:
    """What to say where conf/ was edited after params.yaml was composed, in a stage that DVC runs; None: nothing.

    `dvc exp run` has composed it just now, with overrides that it does not tell a stage. Of another params.yaml than
    was written down, such as a clone's, nothing is said unless Git knows of edits in conf/.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    try:
        if "DVC_EXP_NAME" in os.environ:
            remember(root)
            return None
        keys = drifted(root)
    except (SettingsError, DataError):  # conf/ has a fault, which `make params` tells
        return None
    if not keys:
        return None
    more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
    return (
        f"conf/ was edited after {PARAMS} was composed, and this run reads {PARAMS}; edited: {', '.join(keys[:MOST])}"
        f"{more}. Compose it again: `make params`, or with overrides `make run SET=…`"
    )


def drifted(root: Path) -> list[str]:
    """The keys whose values in conf/ were edited since, and are not those of params.yaml."""
    params = yaml.safe_load((root / PARAMS).read_text(encoding="utf-8"))
    then, overrides = _remembered(root) or (params if _edited(root) else None, [])
    if then is None:
        return []
    now = compose(root / "conf", overrides)
    return [key for key in different([then, now]) if at(now, key) != at(params, key)]


def _remembered(root: Path) -> tuple[Mapping[str, Any], list[str]] | None:
    """What was written down of this very params.yaml."""
    if not (root / KEPT).is_file():
        return None
    keys = {"params": str, "overrides": list[str], "composed": dict[str, Any]}
    found = read_record(root / KEPT, keys, "delete it")
    return (found["composed"], found["overrides"]) if found["params"] == sha256_of(root / PARAMS) else None


def _edited(root: Path) -> bool:
    """Whether Git knows of edits in conf/ that are not committed."""
    words = ["git", "status", "--porcelain", "--", "conf"]
    try:
        done = subprocess.run(words, cwd=root, capture_output=True, text=True)  # noqa: S603  # fixed words, no shell
    except OSError:  # no git
        return False
    return bool(done.stdout.strip())
