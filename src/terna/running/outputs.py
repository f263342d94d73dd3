"""What a stage writes, as dvc.yaml declares it, against what lies there: known before the work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from terna.errors import DataError
from terna.settings.plain import first_line


def check(script: Path) -> None:
    """Raise DataError when a folder lies where `script` is to write a file, or a file where it needs a folder.

    In the working folder, which for a job of a sweep is not the project's. Where there is no dvc.yaml nothing is known.
    """
    declared = script.parent.parent / "dvc.yaml"
    if not declared.is_file():
        return
    try:
        graph = yaml.safe_load(declared.read_text(encoding="utf-8"))
        written = list(_written(graph, f"pipelines/{script.name}"))
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(f"{declared}: no graph of stages that DVC reads ({first_line(error)}); correct it") from error
    faults = [f"{path}: {fault}, then run the same command again" for path in written for fault in _faults(path)]
    if faults:
        raise DataError("\n".join(dict.fromkeys(faults)))


def _written(graph: Any, command: str) -> Iterator[Path]:
    """The outputs of the stages that run `command`; of one that is named by a matrix the folder that it lies in."""
    for stage in graph["stages"].values():
        if command in stage["cmd"].split():
            for out in [*stage.get("outs", []), *stage.get("metrics", [])]:
                name = out if isinstance(out, str) else next(iter(out))
                yield Path(name.partition("/${")[0])


def _faults(path: Path) -> Iterator[str]:
    if above := next((parent for parent in path.parents if parent.is_file()), None):
        yield f"{above} is a file, and should be a folder; move it away"
    elif path.suffix and path.is_dir():
        yield "a folder, expected a file; move it away"
    elif not path.suffix and path.is_file():
        yield "a file, expected a folder; move it away"
